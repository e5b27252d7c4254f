"""Products and their variants: what can be ordered, and at what price."""
