"""Insights: what the sandbox's ads brought, as Meta's reporting would say it."""
