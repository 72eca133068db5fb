"""Signs of visits, chats and orders: kept, found again for an order, forgotten."""
