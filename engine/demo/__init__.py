"""The demonstration: three invented senders, the truth about them, and what became of it."""
