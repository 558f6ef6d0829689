"""Wire formats: bytes to values and back. Knows no mapping, no store and no channel."""
