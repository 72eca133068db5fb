"""Orders, payments, refunds and parcels in one common form, and what follows from them (pure, no I/O)."""
