"""From the outbox to the platforms: claim, send, settle. Start with `worker`; `retry` decides, `sender` does."""
