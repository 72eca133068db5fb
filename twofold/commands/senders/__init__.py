"""``twofold senders``: who sends which event, and what people say of it; ``shopify-senders`` is its older name."""
