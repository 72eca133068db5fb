"""Lines of money, parcels, advertising, rates and costs: how they are kept, and how they are read again."""
