"""Couriers and tracking services: what they say of parcels, in our words."""
