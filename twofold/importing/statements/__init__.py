"""Files of money, parcels, advertising, rates and costs: whatever their format, to the ledger's lines.

Start reading at `contract`: what a format says of itself and gives back. Each family of formats has a room of its own
(`banks`, `payouts`, `advertising`, `couriers`, `tables`); which formats there are stands in `formats`.
"""
