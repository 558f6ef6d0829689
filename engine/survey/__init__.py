"""What traffic says about a mapping: what it leaves out, what a change of it would change.

Reads and counts; writes nothing to a region and shows no value of a message.
"""
