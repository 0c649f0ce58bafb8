"""Bytes become pixels, in worker processes that can be killed."""
