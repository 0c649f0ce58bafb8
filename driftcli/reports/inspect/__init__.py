"""Pages about an artifact."""
