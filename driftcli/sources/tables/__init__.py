"""Rows about images, in the forms that people write tables in."""
