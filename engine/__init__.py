"""Concord's engine: from a site's bytes to one FHIR R4 record per person."""

__version__ = "0.1.0"
