"""The smallest mapping there can be: one message, its patient, and who that is."""

SEX = """source_system,source_code,target_system,target_code,target_display,relationship,comment
,M,http://hl7.org/fhir/administrative-gender,male,Male,,
"""


def small_mapping(*rules: str, trigger: str = "ADT^A01") -> str:
    """Return documents whose Patient has these rules, the first of them at line 13."""
    told = "\n".join(f"  {rule}" for rule in rules)
    return f"""map: v1
kind: message
structure: ADT_A01
triggers: [{trigger}]
make:
  - Patient: {{map: PID-Patient, from: PID}}
---
map: v1
kind: resource
from: PID
to: Patient
Patient:
{told}
---
map: v1
kind: identity
patient: [{{label: MR, from: 'PID-3[1]'}}]
"""
