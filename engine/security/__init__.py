"""Secrets of a region: where they lie, how keys follow from them."""
