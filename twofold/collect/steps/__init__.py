"""The ordered list of what is done to one copy between the wire and the journal, one file a step or family of steps."""
