"""HL7 v2 in its ER7 form: reading, group binding, dictionaries and acknowledgements."""
