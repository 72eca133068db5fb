"""Deals of CRM systems to events of later stages of a sale."""
