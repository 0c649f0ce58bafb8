"""A saved result or bundle, read back."""
