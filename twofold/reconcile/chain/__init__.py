"""One order from the shop to the bank: where it stands, where its money is, what is left of it; and the sums of many."""
