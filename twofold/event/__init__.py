"""What an event is. Pure: no I/O, no clock, no other room of the house. See `model` first."""
