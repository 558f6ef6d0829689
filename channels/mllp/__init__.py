"""HL7 v2 over TCP in the Minimal Lower Layer Protocol."""
