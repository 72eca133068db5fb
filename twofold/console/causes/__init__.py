"""What is wrong, as causes: one value a cause, not one an event name, from what left, what came, and what became of orders.

Start reading at `cause` (the value) and `every` (all of them, the most pressing first). `words` is what each says to people.
"""
