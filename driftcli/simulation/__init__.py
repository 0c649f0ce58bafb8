"""Drifted copies of a folder, and the drawn sample images."""
