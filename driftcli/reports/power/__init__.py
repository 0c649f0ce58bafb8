"""Pages about detection rates."""
