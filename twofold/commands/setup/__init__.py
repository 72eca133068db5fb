"""Commands that set a shop up and look after it: init, doctor, snippet, connect."""
