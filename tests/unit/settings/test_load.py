"""A region file: what comes out of a good one, and what a bad one says where."""

from pathlib import Path

import pytest

from channels.mllp.inbound import SPEC
from channels.mllp.settings import MllpIn
from engine.plugin.spec import Registry
from engine.settings.load import SettingsErrors, load_region
from engine.settings.region import Region

REGISTRY = Registry().with_spec(SPEC)
GOOD = """\
region: north
data_folder: var
sites:
  mercy: {ehr: epic, timezone: America/Chicago, mappings: [base, vendor/epic], charset: latin1}
channels:
  mercy-adt: {type: mllp, site: mercy, direction: in, port: 2575, allow: [10.0.0.0/8]}
identity: {trust: {mercy: 90}}
storage: {region_key: {env: REGION_KEY}, encrypt: no}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mappings/base").mkdir(parents=True)
    (tmp_path / "mappings/vendor/epic").mkdir(parents=True)
    return tmp_path


def load(folder: Path, text: str) -> Region:
    path = folder / "region.yaml"
    path.write_text(text, "utf-8")
    return load_region(path, REGISTRY)


def refused(folder: Path, text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(SettingsErrors) as caught:
        load(folder, text)
    return [(one.code, one.place.line, one.place.column) for one in caught.value.problems]


def test_a_good_file(folder: Path) -> None:
    region = load(folder, GOOD)
    assert region.name == "north"
    assert region.data_folder == folder / "var"
    assert region.mappings_folder == folder / "mappings"
    assert region.sites["mercy"].charset == "iso8859-1"
    assert region.sites["mercy"].training == "filter"
    assert region.api.host == "127.0.0.1"
    assert region.identity.trust == {"mercy": 90}
    assert region.storage.encrypt is False
    assert region.storage.region_key is not None
    assert region.storage.region_key.env == "REGION_KEY"
    (channel,) = region.channels
    assert (channel.name, channel.type, channel.site, channel.ports) == (
        "mercy-adt",
        "mllp",
        "mercy",
        (2575,),
    )
    assert isinstance(channel.config, MllpIn)
    assert channel.config.max_frame_bytes == 20 * 1024 * 1024


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("region: north", "regoin: north", [("E301", 1, 1), ("E302", 1, 1)]),
        ("region: north", "region:", [("E304", 1, 8)]),
        ("region: north", "region: 'North 1'", [("E303", 1, 9)]),
        ("ehr: epic, ", "", [("E302", 4, 3)]),
        ("America/Chicago", "America/Chicag", [("E306", 4, 32)]),
        ("vendor/epic]", "vendor/epik]", [("E307", 4, 66)]),
        ("region: north", "region: north\nmappings_folder: ../nope", [("E307", 2, 18)]),
        ("latin1", "latin-99", [("E303", 4, 89)]),
        ("type: mllp", "type: mlpp", [("E310", 6, 21)]),
        ("direction: in", "direction: out", [("E311", 6, 51)]),
        ("site: mercy,", "site: marcy,", [("E305", 6, 33)]),
        ("port: 2575", "port: many", [("E303", 6, 61)]),
        ("port: 2575", "prot: 2575", [("E302", 6, 3), ("E301", 6, 55)]),
        ("port: 2575", "port: 8080", [("E308", 6, 61)]),
        ("trust: {mercy", "trust: {mercury", [("E305", 7, 20)]),
        ("{env: REGION_KEY}", "q8Zr41xkP", [("E309", 8, 23)]),
        ("{env: REGION_KEY}", "{env: A, file: b}", [("E303", 8, 11)]),
        ("storage:", "region: south\nstorage:", [("E102", 8, 1)]),
        ("[10.0.0.0/8]", "[10.0.0.0/99]", [("E303", 6, 75)]),
    ],
)
def test_one_mistake(
    folder: Path, old: str, new: str, expected: list[tuple[str, int, int]]
) -> None:
    assert refused(folder, GOOD.replace(old, new)) == expected


def test_all_mistakes_in_one_run(folder: Path) -> None:
    text = GOOD.replace("Chicago", "Chicag").replace("base,", "bose,").replace("2575", "x")
    assert [code for code, _, _ in refused(folder, text)] == ["E306", "E307", "E303"]


def test_two_channels_on_one_port(folder: Path) -> None:
    second = "  mercy-oru: {type: mllp, site: mercy, direction: in, port: 2575}\nidentity:"
    assert refused(folder, GOOD.replace("identity:", second)) == [("E308", 7, 61)]


def test_a_literal_secret_is_never_printed(folder: Path) -> None:
    text = GOOD.replace("{env: REGION_KEY}, encrypt", "q8Zr41xkP, encript")
    with pytest.raises(SettingsErrors) as caught:
        load(folder, text)
    frames = caught.value.frames()
    assert "E309" in frames
    assert "E301 unknown key 'encript'" in frames
    assert "q8Zr41xkP" not in frames
    assert "q8Zr41xkP" not in str(caught.value)


def test_a_frame_names_file_line_and_remedy(folder: Path) -> None:
    with pytest.raises(SettingsErrors) as caught:
        load(folder, GOOD.replace("port: 2575", "port: 2575, max_conections: 3"))
    frame = caught.value.frames().splitlines()
    assert frame[0] == f"{folder}/region.yaml:6:67: E301 unknown key 'max_conections'"
    assert frame[1].endswith("max_conections: 3, allow: [10.0.0.0/8]}")
    assert frame[2].endswith("| " + " " * 66 + "^" * 14)
    assert frame[3] == "       = help: did you mean 'max_connections'?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", [("E302", 1, 1)]), ("- a\n", [("E303", 1, 1)]), ("a: [", [("E101", 2, 1)])],
)
def test_what_is_no_region_file(
    folder: Path, text: str, expected: list[tuple[str, int, int]]
) -> None:
    assert refused(folder, text) == expected


def test_a_missing_file_is_a_problem_too(tmp_path: Path) -> None:
    with pytest.raises(SettingsErrors) as caught:
        load_region(tmp_path / "none.yaml", REGISTRY)
    assert [problem.code for problem in caught.value.problems] == ["E300"]


def test_a_file_in_another_encoding(folder: Path) -> None:
    (folder / "region.yaml").write_bytes("region: nörd".encode("latin-1"))
    with pytest.raises(SettingsErrors) as caught:
        load_region(folder / "region.yaml", REGISTRY)
    assert [problem.code for problem in caught.value.problems] == ["E101"]


def test_the_api_stays_on_loopback(folder: Path) -> None:
    assert refused(folder, GOOD + "api: {host: 0.0.0.0}\n") == [("E303", 9, 13)]


@pytest.mark.parametrize("url", ["https://fhir.north.example", "http://127.0.0.1:9/base"])
def test_the_api_has_an_address_of_its_proxy(folder: Path, url: str) -> None:
    assert load(folder, GOOD + f"api: {{public_url: '{url}'}}\n").api.public_url == url


@pytest.mark.parametrize(
    "url",
    [
        "fhir.north.example",
        "ftp://north.example",
        "https://north.example/",
        "https://a@b",
        "https:///",
    ],
)
def test_an_address_of_the_proxy_that_is_none(folder: Path, url: str) -> None:
    assert refused(folder, GOOD + f"api: {{public_url: '{url}'}}\n") == [("E303", 9, 19)]


TLS = "tls: {certificate: tls/a.pem, key: {file: /etc/a.key}}"


def test_paths_of_a_channel_are_relative_to_the_file(folder: Path) -> None:
    region = load(folder, GOOD.replace("allow: [10.0.0.0/8]", TLS))
    tls = region.channels[0].config.model_dump()["tls"]
    assert tls["certificate"] == folder / "tls/a.pem"
    assert tls["key"] == {"file": Path("/etc/a.key")}


def test_a_key_misspelt_deep_in_a_channel(folder: Path) -> None:
    text = GOOD.replace("allow: [10.0.0.0/8]", TLS.replace("key:", "certificat: b, key:"))
    with pytest.raises(SettingsErrors) as caught:
        load(folder, text)
    (problem,) = caught.value.problems
    assert (problem.code, problem.help) == ("E301", "did you mean 'certificate'?")


def test_a_port_open_to_the_network_is_refused(folder: Path) -> None:
    open_port = GOOD.replace("allow: [10.0.0.0/8]", "host: 0.0.0.0")
    assert refused(folder, open_port) == [("E303", 6, 3)]
    assert load(folder, open_port.replace("host:", "insecure: yes, host:")).channels


def test_a_server_s_store(folder: Path) -> None:
    storage = "{engine: postgresql, dsn: {env: DSN}, region_key: {env: REGION_KEY}}"
    region = load(folder, GOOD.replace("{region_key: {env: REGION_KEY}, encrypt: no}", storage))
    assert region.storage.dsn is not None
    assert (region.storage.engine, region.storage.dsn.env) == ("postgresql", "DSN")


@pytest.mark.parametrize(
    "storage",
    [
        "{dsn: {env: DSN}}",
        "{engine: postgresql, region_key: {env: REGION_KEY}}",
        "{engine: postgresql, dsn: {env: DSN}}",
    ],
)
def test_a_store_that_is_half_said_is_refused(folder: Path, storage: str) -> None:
    text = GOOD.replace("{region_key: {env: REGION_KEY}, encrypt: no}", storage)
    assert refused(folder, text) == [("E303", 8, 1)]


def test_a_connection_string_is_a_secret(folder: Path) -> None:
    text = GOOD.replace("encrypt: no", "engine: postgresql, dsn: 'host=db password=x'")
    with pytest.raises(SettingsErrors) as caught:
        load(folder, text)
    assert "E309" in {one.code for one in caught.value.problems}
    assert "password=x" not in caught.value.frames()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("api: {port: eighty}", "'port' should be a whole number"),
        ("storage: {encrypt: maybe}", "'encrypt' should be true or false"),
        ("storage: {partitions: [1]}", "'partitions' should be a whole number"),
        ("api: 8080", "'api' should be a table of keys and values"),
    ],
)
def test_the_wrong_kind_is_told_in_plain_words(folder: Path, line: str, says: str) -> None:
    with pytest.raises(SettingsErrors) as caught:
        load(folder, GOOD.replace("storage: {region_key: {env: REGION_KEY}, encrypt: no}", line))
    assert [one.message for one in caught.value.problems] == [says]


def test_one_layer_given_as_all_of_the_mappings_is_recognised(folder: Path) -> None:
    with pytest.raises(SettingsErrors) as caught:
        load(folder, f"mappings_folder: mappings/vendor\n{GOOD}")
    remedies = {one.help for one in caught.value.problems}
    whole = folder / "mappings"
    wanted = f"mappings_folder is one layer only: name the folder above it, {whole}"
    assert remedies == {wanted}
