"""What is typed about lines of money: importing them, looking at them, saying what pays what."""
