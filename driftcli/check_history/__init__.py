"""Past checks: the only writer of the database, and looking back."""
