"""Names on the lists of a census: found as they are written, and no everyday words."""

import pytest

from learning.redaction.listed_names import Census

pytest.importorskip("names")


def found(text: str) -> list[str]:
    return [text[span.start : span.end] for span in Census().find(text)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Please invite Margaret Holloway and Deborah.", ["Margaret Holloway", "Deborah"]),
        ("margaret's licence", ["margaret"]),
        ("mr robinson called", ["robinson"]),
        ("Hi Drew, where is it?", ["Drew"]),
        ("ask Thompson", ["Thompson"]),
        ("Where is the Margaret River plan?", ["Margaret"]),  # a place: it can't know
        ("May I pay in April with a Mark or a Bill?", []),
        ("Wer ist für die Rechnung im Mai zuständig?", []),
        ("will the price rise, and is the page long?", []),
        ("", []),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    ("text", "name", "is_one"),
    [
        ("oder kurz, bitte", "oder kurz", False),
        ("Ist sie neu oder kurz?", "oder kurz", False),
        ("Wer zahlt die Rechnung?", "Rechnung", False),
        ("Ask Zbigniew Nowak.", "Zbigniew Nowak", True),
        ("Hello Zbigniew, hi.", "Zbigniew", True),
        ("ask margaret now", "margaret", True),
    ],
)
def test_a_model_s_finding_must_be_written_as_a_name(text: str, name: str, is_one: bool) -> None:
    start = text.index(name)
    assert Census().bears_out(text, start, start + len(name)) is is_one
