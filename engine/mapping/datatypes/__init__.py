"""HL7 v2 datatypes to FHIR datatypes: one file per family, chosen by `registry`.

A converter takes one raw repetition in standard delimiters and gives FHIR JSON, None for nothing,
or `Flawed` (a value or none, with a diagnostic). Pure; results may be shared: never change them.
"""
