"""Pages for who sets it up and runs it: the first steps, the engine room, what people asked about their data."""
