"""Pages about past checks."""
