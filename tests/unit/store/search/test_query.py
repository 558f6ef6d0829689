import pytest

from engine.core.fault import Category, FaultError
from engine.store.search import cursor
from engine.store.search.query import Query, parse, searchable, sort_names
from engine.store.search.values import Exact, Nothing, Prefix, split, unescape


def one(kind: str, name: str, value: str) -> tuple[object, ...]:
    return parse(kind, [(name, value)]).criteria[0].tests


def test_escaped_signs_are_part_of_the_value() -> None:
    assert split(r"a\,b,c\\,d", ",") == [r"a\,b", r"c\\", "d"]
    assert unescape(r"a\,b\|c\\d\$") == "a,b|c\\d$"
    assert one("Patient", "family:exact", r"Quill\, Sr") == (Exact("quill, sr\x1fQuill, Sr"),)
    assert one("Patient", "identifier", r"urn:a|x\|y") == (Exact("x|y\x1furn:a"),)


def test_token_forms() -> None:
    assert one("Observation", "code", "a") == (Prefix("a\x1f"),)
    assert one("Observation", "code", "|a") == (Exact("a\x1f"),)
    assert one("Observation", "code", "s|a,b") == (Exact("a\x1fs"), Prefix("b\x1f"))
    assert one("Patient", "gender", "female") == (Exact("female"),)
    gender = "http://hl7.org/fhir/administrative-gender"
    assert one("Patient", "gender", f"{gender}|female") == (Exact("female"),)
    assert one("Patient", "gender", "urn:other|female") == (Nothing(),)


def test_references_name_a_type_or_all_it_may_lead_to() -> None:
    assert one("Observation", "encounter", "Encounter/e") == (Exact("Encounter/e"),)
    either = {Exact("Encounter/e"), Exact("EpisodeOfCare/e")}
    assert set(one("Observation", "encounter", "e")) == either
    assert one("Observation", "subject", "Group/g") == (Nothing(),)
    assert one("Observation", "patient", "Patient/p") == (Exact("p"),)


@pytest.mark.parametrize(
    ("name", "value", "code", "category"),
    [
        ("shoe-size", "44", "search-parameter-unknown", Category.UNSUPPORTED),
        ("name:phonetic", "x", "search-modifier-unknown", Category.UNSUPPORTED),
        ("birthdate:exact", "2024", "search-modifier-unknown", Category.UNSUPPORTED),
        ("general-practitioner.name", "x", "search-chained-unsupported", Category.UNSUPPORTED),
        ("_include", "x", "search-include-unsupported", Category.UNSUPPORTED),
        ("_revinclude:iterate", "x", "search-include-unsupported", Category.UNSUPPORTED),
        ("birthdate", "ap2024", "search-value-invalid", Category.INVALID),
        ("birthdate:missing", "maybe", "search-value-invalid", Category.INVALID),
        ("name", "%CC%81".replace("%CC%81", "\u0301"), "search-value-invalid", Category.INVALID),
        ("identifier", "a|b|c", "search-value-invalid", Category.INVALID),
        ("identifier", "urn:a|", "search-token-system", Category.UNSUPPORTED),
        ("identifier", ",", "search-value-invalid", Category.INVALID),
        ("identifier", ",".join(["x"] * 201), "search-value-invalid", Category.INVALID),
        ("general-practitioner", "Potion/1", "search-value-invalid", Category.INVALID),
        ("general-practitioner", "no id", "search-value-invalid", Category.INVALID),
        ("family", "", "search-value-missing", Category.INVALID),
        ("shoe-size", "", "search-parameter-unknown", Category.UNSUPPORTED),
        ("_count", "-1", "search-value-invalid", Category.INVALID),
        ("_total", "maybe", "search-value-invalid", Category.INVALID),
        ("_sort", "name", "search-sort-unknown", Category.UNSUPPORTED),
        ("_summary", "text", "search-summary-unsupported", Category.UNSUPPORTED),
    ],
)
def test_what_is_not_understood_is_refused(
    name: str, value: str, code: str, category: Category
) -> None:
    with pytest.raises(FaultError) as caught:
        parse("Patient", [(name, value)])
    assert (caught.value.fault.code, caught.value.fault.category) == (code, category)
    assert len(value) < 3 or value not in str(caught.value)


def test_a_strange_parameter_name_is_not_repeated() -> None:
    with pytest.raises(FaultError) as caught:
        parse("Patient", [("Quill 1980-02-29", "x")])
    assert caught.value.fault.where == ""


def test_lenient_lists_the_unsupported_but_refuses_the_invalid() -> None:
    pairs = [("shoe-size", "44"), ("shoe-size", "45"), ("name:phonetic", "x"), ("family", "quill")]
    query = parse("Patient", pairs, lenient=True)
    assert query.ignored == ("shoe-size", "name:phonetic")
    assert [c.parameter.name for c in query.criteria] == ["family"]
    with pytest.raises(FaultError, match="search-value-invalid"):
        parse("Patient", [("birthdate", "soon")], lenient=True)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("birthdate", "soon", "a date is needed"),
        ("_lastUpdated", "soon", "a date is needed"),
        ("identifier", "a|b|c", "a code is needed"),
        ("general-practitioner", "no id", "a reference is needed"),
        ("_count", "many", "a whole number is needed"),
        ("birthdate:missing", "maybe", "true or false is needed"),
    ],
)
def test_a_refusal_says_what_is_expected(name: str, value: str, expected: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse("Patient", [(name, value)])
    assert caught.value.fault.message.startswith(expected)


def test_counts_have_bounds_and_are_not_needed() -> None:
    assert parse("Patient", []) == Query("Patient")
    assert parse("Patient", [("_count", "")]).count == Query("Patient").count
    assert parse("Patient", [("_count", "999999")]).count == 1000
    assert parse("Patient", [("_count", "0")]).only_count
    with pytest.raises(FaultError, match="search-too-complex"):
        parse("Patient", [("name", "a")] * 31)


def test_a_search_by_date_alone_follows_the_date() -> None:
    newest = parse("Observation", [("date", "ge2024")]).sort
    assert (newest.by, newest.descending) == ("date", True)
    oldest = parse("Observation", [("date", "lt2024"), ("status", "final,amended")]).sort
    assert (oldest.by, oldest.descending) == ("date", False)
    assert parse("Observation", [("_lastUpdated", "ge2024")]).sort.by == "updated"
    narrow = [("date", "ge2024"), ("code", "a")]
    assert parse("Observation", narrow).sort.by == "row"
    asked = [("date", "ge2024"), ("_sort", "-_id")]
    assert (parse("Observation", asked).sort.by) == "id"


def test_sorts_are_those_the_type_has_dates_for() -> None:
    assert sort_names("Condition") == ["_id", "_lastUpdated", "onset-date", "recorded-date"]
    assert {"_id", "_lastUpdated", "_source", "patient", "code"} <= set(searchable("Observation"))
    assert set(searchable("Basic")) == {"_id", "_lastUpdated"}


def test_a_cursor_is_read_only_by_the_order_that_wrote_it() -> None:
    text = cursor.write("date", (-5, 7))
    assert cursor.read(text, "date") == (-5, 7)
    for other, by in (
        (text, "row"),
        (text[:-2], "date"),
        (text + "=", "date"),
        ("ü", "date"),
        ("", "date"),
        (cursor.write("date", ("x", 7)), "date"),
        (cursor.write("date", ((1 << 64) - 1, 7)), "date"),
        (cursor.write("row", (True,)), "row"),
        ("A" * 5000, "row"),
    ):
        with pytest.raises(FaultError, match="search-cursor-invalid"):
            cursor.read(other, by)
