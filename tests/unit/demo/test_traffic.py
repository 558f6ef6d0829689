from collections import Counter

import pytest

from engine.core.fault import FaultError
from engine.demo.traffic import generate
from engine.formats.fhir_json import read_json
from engine.formats.hl7v2.parse import parse


@pytest.mark.parametrize("seed", range(2, 5))
def test_traffic_is_repeatable_readable_and_has_every_kind(seed: int) -> None:
    traffic = generate(seed, 600)
    assert generate(seed, 600) == traffic
    assert len(traffic.deliveries) == 600
    kinds = Counter(parse(delivery.body).kind for delivery in traffic.deliveries)
    assert kinds.keys() >= {"ADT^A01", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A40", "ORU^R01"}
    bodies = Counter(delivery.body for delivery in traffic.deliveries)
    assert 0 < sum(count - 1 for count in bodies.values()) < 40


def test_the_truth_names_every_chart_once() -> None:
    truth = generate(4, 900).truth
    assert len({(row.site, row.local_id) for row in truth}) == len(truth)
    people = Counter(row.number for row in truth)
    assert max(people.values()) >= 3
    assert {row.site for row in truth} == {"mercy", "lakeside", "hilltop"}


def test_nobody_could_exist() -> None:
    for delivery in generate(5, 300).deliveries:
        for line in delivery.body.decode().split("\r"):
            fields = line.split("|")
            if fields[0] == "PID" and len(fields) > 19 and fields[19]:
                assert fields[19].startswith("666")


def test_the_files_of_the_evening_hold_what_the_contracts_ask_for() -> None:
    traffic = generate(2, 600)
    kinds = Counter(file.name.split("_")[0] for _, file in traffic.files)
    assert kinds == {"patients": 3, "results": 3, "appointments": 3}
    rows = [row for _, file in traffic.files for row in file.rows]
    assert traffic.count == 600 + len(rows) + len(traffic.posts)
    assert 0 < sum(row.refused for row in rows) <= 3
    told = {row.control_id for row in rows}
    assert len(told) == len(rows)
    for after, file in traffic.files:
        assert 0 < after <= 200
        assert len(file.text.decode("cp1252").splitlines()) == len(file.rows) + 1


def test_what_is_posted_can_be_read_but_what_no_reader_may_take() -> None:
    traffic = generate(3, 900)
    posts = [post for _, post in traffic.posts]
    assert traffic.count == 900 + sum(len(file.rows) for _, file in traffic.files) + len(posts)
    kinds = Counter(read_json(post.body)["resourceType"] for post in posts if not post.refused)
    assert kinds.keys() == {"Patient", "Observation"}
    refused = [post for post in posts if post.refused]
    assert refused
    for post in refused:
        with pytest.raises(FaultError):
            read_json(post.body)
