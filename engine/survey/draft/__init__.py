"""A first mapping of a site from samples of what it sends, to be decided and completed by people.

Nothing of a patient stands in a draft: names of authorities, segments and columns, types, shapes.
"""
