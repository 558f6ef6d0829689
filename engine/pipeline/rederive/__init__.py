"""Deriving a site's records again under another mapping, while traffic flows."""
