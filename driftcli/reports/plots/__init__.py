"""Drawings as SVG in the colours of a page."""
