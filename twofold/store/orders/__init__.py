"""Orders in the store: their facts, names and states, and the outcomes told of them."""
