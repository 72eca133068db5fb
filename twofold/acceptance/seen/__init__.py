"""What is to be seen of a run: in the journal, of the day, at the platform, and what a person shows. Start reading at `evidence`."""
