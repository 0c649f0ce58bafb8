"""The room `corruptions`: see ARCHITECTURE.md."""
