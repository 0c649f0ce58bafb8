"""Which images people should label, what their labels are worth, and how well a model does by them."""
