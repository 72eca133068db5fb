"""Which campaign an order is credited to: channels of touches, paths of orders, and the models that share out credit.

Models share out credit; they do not measure cause. What a figure is called says the model, the window and the link.
"""
