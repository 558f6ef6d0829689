"""Mappings tested beside themselves: `kind: tests` documents read, run, compared.

Pure, as all of the mapping: files come in as text. LANGUAGE.md, section 14, has every key.
"""
