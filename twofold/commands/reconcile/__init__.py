"""What is typed to follow the money: the chain of a period, a day's witnesses."""
