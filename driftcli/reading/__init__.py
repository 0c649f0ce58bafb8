"""Sources through extractors to features: what was read, what was skipped, and on which machine."""
