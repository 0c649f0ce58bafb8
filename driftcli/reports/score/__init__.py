"""Pages about a model's accuracy as labels tell it."""
