"""What is asked of a delivery when it would leave."""
