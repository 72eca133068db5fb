"""Browsers, visits and what stitches them to people and orders."""
