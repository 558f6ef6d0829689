"""Times are read as the zone's own rules say, whatever shortcut is taken, and are valid R4."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.mapping.datatypes import moments
from engine.mapping.datatypes.tools import Flawed, Tools
from engine.r4.compiled import judge
from engine.r4.elements import children

ZONES = ("America/Chicago", "Australia/Lord_Howe", "Africa/Monrovia", "America/Juneau", "UTC")
CONVERTERS = {name: moments.date_time(Tools("mercy", ZoneInfo(name))) for name in ZONES}
DAYS = {name: moments.date(Tools("mercy", ZoneInfo(name))) for name in ZONES}
VALID = judge(children("Observation")["effectiveDateTime"])
TIMES = st.datetimes(datetime(1, 1, 1), datetime(9998, 12, 31))  # noqa: DTZ001 - local times


@settings(max_examples=300)
@given(TIMES, st.sampled_from(ZONES))
@example(datetime(1972, 1, 7, 0, 44, 29), "Africa/Monrovia")  # noqa: DTZ001 - as above
@example(datetime(2026, 4, 5, 1, 45, 10), "Australia/Lord_Howe")  # noqa: DTZ001 - as above
def test_a_time_has_the_offset_of_its_zone(local: datetime, zone: str) -> None:
    moment = local.replace(microsecond=0, tzinfo=ZoneInfo(zone))
    found = CONVERTERS[zone](f"{moment.year:04}{moment:%m%d%H%M%S}")
    value = found.value if isinstance(found, Flawed) else found
    clock = f"{moment.year:04}-{moment:%m-%dT%H:%M:%S}"
    assert value[:19] == clock
    minutes = (moment.utcoffset() or timedelta()) // timedelta(minutes=1)
    if minutes >= 0:  # the odd seconds of local mean times are cut off
        assert value[19:] == f"+{minutes // 60:02}:{minutes % 60:02}"
    again = moment.replace(fold=1).utcoffset() != moment.utcoffset()
    assert isinstance(found, Flawed) is again


@settings(max_examples=300)
@given(st.from_regex(r"[0-9]{4,14}([+-][01][0-9][0-9]{2})?", fullmatch=True))
@example("20260101000000+1430")
@example("20260229")
@example("00010101")
@example("2026010112345٣")
def test_what_is_near_is_valid(raw: str) -> None:
    for found in (CONVERTERS["America/Juneau"](raw), DAYS["America/Juneau"](raw)):
        value = found.value if isinstance(found, Flawed) else found
        assert value is None or VALID(value) is moments.is_near(value)
