"""Commands about where orders came from. Words and options only; what decides is in `attribution`."""
