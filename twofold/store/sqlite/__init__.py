"""The embedded engine: connection, statements, schema and migrations."""
