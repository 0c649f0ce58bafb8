"""Pretrained networks: their weights, their layers, their maps."""
