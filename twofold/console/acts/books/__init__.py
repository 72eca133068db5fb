"""Acts of those who keep the books: a word on what a line of money pays."""
