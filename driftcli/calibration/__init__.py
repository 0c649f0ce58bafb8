"""Making a baseline; what the gate does on good data, and what it can see."""
