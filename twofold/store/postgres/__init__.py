"""The store's second engine: PostgreSQL, below the same named statements."""
