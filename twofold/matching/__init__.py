"""Who a copy is about: contact values to normal forms and hashes, under each platform's rule (pure)."""
