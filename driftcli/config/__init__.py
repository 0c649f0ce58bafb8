"""Every setting with its default; YAML, environment and options become settings, each with its origin."""
