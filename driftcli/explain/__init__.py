"""The room `explain`: see ARCHITECTURE.md."""
