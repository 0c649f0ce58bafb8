"""What every room shares: frozen values, errors, text, progress, files."""
