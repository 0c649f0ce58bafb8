"""What the fit set taught, and a baseline ready for tests."""
