"""``twofold accept``, ``decide`` and ``decisions``: what proves that it works, and what was decided on it."""
