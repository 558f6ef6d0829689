"""From an HL7 v2 message to FHIR R4 contributions, by mapping files: read, check, compile, run.

Pure: a mapping is a function of the message, its arrival time and the plan. No IO but `library`.
"""
