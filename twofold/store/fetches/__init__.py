"""What shops and providers only named, durably, until it was fetched: `book`. Asking is `fetching`'s."""
