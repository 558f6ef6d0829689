"""FHIR R4 over HTTP: a site posts resources and bundles to the region's endpoint."""
