"""FHIR R4 4.0.1 as data: elements, required codes, search parameters; and the validator of it."""
