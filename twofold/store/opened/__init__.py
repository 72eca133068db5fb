"""An open store: its parts, made with those that each asks, and what one transaction does with them."""
