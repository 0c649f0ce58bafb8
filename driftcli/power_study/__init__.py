"""Detection rates by corruption, severity, share and batch size."""
