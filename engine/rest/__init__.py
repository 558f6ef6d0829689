"""The FHIR R4 endpoint: one file per interaction, over the store as it is read."""
