"""Meta's wire as the sandbox knows it: envelopes, rules, answers, deduplication."""
