"""Asks FHIR servers: polls for what changed, and gets what events only name."""
