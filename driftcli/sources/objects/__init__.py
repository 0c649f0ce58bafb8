"""Objects on servers: listed, pinned, fetched ahead of the decoders, read like files."""
