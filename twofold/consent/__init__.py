"""What a person or a page said about consent, in every form it comes in, and what follows from it (pure)."""
