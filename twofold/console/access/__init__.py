"""Who may see what: people, their passwords and sessions, roles, and what a change must show before it is made."""
