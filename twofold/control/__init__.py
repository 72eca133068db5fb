"""What commands ask of a running gateway, or do to its folder where none runs."""
