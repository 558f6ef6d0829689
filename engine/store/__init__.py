"""One FHIR resource per fact: registers, versions, references and the search index."""
