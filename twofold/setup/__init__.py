"""Setting up and looking after: what a configuration is written from, what a doctor looks at, snippets with their values,
webhooks made by the platforms' own APIs.

Owns the knowledge of other people's places: their pages, clicks, API paths. `answers` writes a configuration, `finding` is the
form of what was looked at. Commands print it; no gateway needs it to run.
"""
