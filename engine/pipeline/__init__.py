"""From a journal entry to the store: what every message goes through, and the account of it."""
