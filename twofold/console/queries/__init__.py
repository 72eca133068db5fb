"""What the pages read: small questions to the data folder, each on a connection of its own, each with a bounded answer."""
