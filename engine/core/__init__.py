"""Values and small deeds every layer shares: no IO, and nothing of ours is imported here."""
