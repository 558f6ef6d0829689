"""Master patient index: which source records are one person, and why."""
