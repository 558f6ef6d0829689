"""Which abstract message structure a trigger event uses: HL7 tables 0003 and 0354 as data.

Senders write MSH-9.3 loosely or not at all, so a name such as `ADT_A08` is mapped to the structure
the standard gives that event (`ADT_A01`). Only names that differ from their structure are listed.
Sources: HL7 v2.5.1 and v2.8.2 appendix A; ADT chapter 3, SIU 10, MDM 9, REF 11, PPR 12.
"""

_EVENTS = {
    "ADT_A01": "ADT A04 A08 A13",
    "ADT_A05": "ADT A14 A28 A31",
    "ADT_A06": "ADT A07",
    "ADT_A09": "ADT A10 A11 A12",
    "ADT_A21": "ADT A22 A23 A25 A26 A27 A29 A32 A33",
    "ADT_A30": "ADT A34 A35 A36 A46 A47 A48 A49",
    "ADT_A39": "ADT A40 A41 A42",
    "ADT_A43": "ADT A44",
    "ADT_A50": "ADT A51",
    "ADT_A52": "ADT A53",
    "ADT_A54": "ADT A55",
    "ADT_A61": "ADT A62",
    "CRM_C01": "CRM C02 C03 C04 C05 C06 C07 C08",
    "CSU_C09": "CSU C10 C11 C12",
    "LSU_U12": "LSU U13",
    "MDM_T01": "MDM T03 T05 T07 T09 T11",
    "MDM_T02": "MDM T04 T06 T08 T10",
    "MFK_M01": "MFK M02 M03 M04 M05 M06 M07 M08 M09 M10 M11 M12 M13",
    "PGL_PC6": "PGL PC7 PC8",
    "PMU_B01": "PMU B02",
    "PMU_B04": "PMU B05 B06",
    "PPG_PCG": "PPG PCH PCJ",
    "PPP_PCB": "PPP PCC PCD",
    "PPR_PC1": "PPR PC2 PC3",
    "QBP_Q21": "QBP Q22 Q23 Q24 Q25",
    "RDE_O11": "RDE O25",
    "REF_I12": "REF I13 I14 I15",
    "RPA_I08": "RPA I09 I10 I11",
    "RQA_I08": "RQA I09 I10 I11",
    "RQI_I01": "RQI I02 I03",
    "RPI_I01": "RPI I02 I03",
    "RRI_I12": "RRI I13 I14 I15",
    "SIU_S12": "SIU S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26 S27",
    "SRM_S01": "SRM S02 S03 S04 S05 S06 S07 S08 S09 S10 S11",
    "SRR_S01": "SRR S02 S03 S04 S05 S06 S07 S08 S09 S10 S11",
    "TCU_U10": "TCU U11",
}


def _aliases() -> dict[str, str]:
    aliases = {}
    for structure, events in _EVENTS.items():
        code, *triggers = events.split()
        aliases.update({f"{code}_{trigger}": structure for trigger in triggers})
    return aliases


ALIASES = _aliases()
