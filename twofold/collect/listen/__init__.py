"""From the socket to a request and back: the HTTP protocol with its guard, and the ASGI face for pages."""
