"""The room `extractors`: see ARCHITECTURE.md."""
