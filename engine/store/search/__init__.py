"""Search over the store: from FHIR parameters to index rows, and from a query to SQL."""
