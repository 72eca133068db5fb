"""How commands show what they found: tables and lines for people, one JSON object a line for machines."""
