"""Where a visit, a chat or an order came from: what its first sign says of its source (pure)."""
