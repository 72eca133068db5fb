"""Acts that ask for the password again: erasing a person, replacing a secret, getting ready to restore."""
