"""Payment providers that tell of money and not of orders: each one file, beside the shop's own source.

`movement` is what they share. An order is the shop's to report; whether its money came is theirs, and above the shop's word.
"""
