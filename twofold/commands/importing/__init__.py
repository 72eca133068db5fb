"""``twofold import``: files of orders and sales, and of money, parcels, advertising, rates and costs."""
