"""Doors that speak other systems' wires, so that their clients send here with nothing changed but the address."""
