"""The durable log of everything that was accepted, and who reads it how far."""
