"""Delimited files: a contract of columns by name, a strict reader, one delivery per row."""
