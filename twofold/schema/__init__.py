"""What events may say: the one documented form, what a shop declares beyond it, and what came undeclared (pure)."""
