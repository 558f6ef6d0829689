"""What a channel has to be and what it is given: protocols, spec, registry, conformance kit."""
