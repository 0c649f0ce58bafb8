"""Profiles: what a pass over images gave, in a file without pixels, that stands for the images."""
