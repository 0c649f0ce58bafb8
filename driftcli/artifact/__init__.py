"""The only writer and reader of artifacts: hashes, locks, atomic replacement."""
