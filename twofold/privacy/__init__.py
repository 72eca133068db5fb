"""Finding, exporting, emptying and erasing what the store holds of a person, and the log of who asked. Uses the store."""
