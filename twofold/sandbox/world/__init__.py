"""The sandbox's people, ads, and how conversions are credited to them."""
