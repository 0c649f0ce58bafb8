"""The room `detectors`: see ARCHITECTURE.md."""
