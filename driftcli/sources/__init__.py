"""The room `sources`: see ARCHITECTURE.md."""
