"""The pictures of a report: gallery and heat maps."""
