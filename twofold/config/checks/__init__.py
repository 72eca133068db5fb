"""What each table of the settings may be, beyond its types; `config.check` goes through all of them."""
