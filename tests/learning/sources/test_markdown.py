"""Help pages in Markdown, split along their headings."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.retrieval import Section
from learning.sources.markdown import sections_of
from learning.sources.sections import MAX_SECTION_CHARS, split
from tests.learning.sources.texts import PAGE


def parts(sections: Sequence[Section]) -> list[tuple[str, str]]:
    return [(section.heading, section.text) for section in sections]


def test_a_page_is_split_along_its_headings() -> None:
    sections = sections_of("refunds.md", PAGE)
    assert parts(sections) == [
        ("Refunds", "What comes before the first part."),
        ("Refund a payment", "Choose Refund."),
        ("Refund a payment › In the app", "Tap and hold."),
        ("Studio credit", "Credit does not expire.\n\n```\n# no heading, but code\n```"),
    ]
    assert {section.title for section in sections} == {"Refunds"}
    assert {section.link for section in sections} == {"https://example.org/refunds"}
    assert sections[1].label == "Refunds › Refund a payment"


@pytest.mark.parametrize(
    ("text", "title", "expected"),
    [
        ("Only text.", "Late check in", [("Late check in", "Only text.")]),
        ("Before.\n\n## First\nText.", "First", [("First", "Before."), ("First", "Text.")]),
        ("# Title\r\n\r\n## Part\r\nText.\r\n", "Title", [("Part", "Text.")]),
        ("#no heading\n####### nor this", "Late check in", [("Late check in", "#no heading\n####### nor this")]),
        ("# Title\n\n---\n\nRuled off.", "Title", [("Title", "---\n\nRuled off.")]),
        ("# Title only", "Title only", []),
    ],
)
def test_pages_of_other_shapes(text: str, title: str, expected: list[tuple[str, str]]) -> None:
    sections = sections_of("help/late-check_in.md", text)
    assert parts(sections) == expected
    assert {section.title for section in sections} <= {title}
    assert all(section.link is None for section in sections)


def test_ids_are_unique_and_stay_when_the_page_changes_elsewhere() -> None:
    text = "# T\n\n## A\nOne.\n\n## A\nTwo.\n\n## B\nThree."
    before = {section.text: section.id for section in sections_of("t.md", text)}
    after = {
        section.text: section.id for section in sections_of("t.md", text.replace("Two.", "Zwei.") + "\n\n## C\nNew.")
    }
    assert len(set(before.values())) == 3
    assert after["Three."] == before["Three."]
    assert sections_of("other.md", text)[0].id not in before.values()


def test_a_long_section_is_split_at_paragraphs() -> None:
    paragraphs = [f"Paragraph {number}. " + "word " * 100 for number in range(5)]
    found = sections_of("t.md", "# T\n" + "\n\n".join(paragraphs))
    assert [text.count("Paragraph") for _, text in parts(found)] == [2, 2, 1]
    assert len({section.id for section in found}) == 3


@given(st.lists(st.text("ab .!?\n", max_size=400), max_size=12))
def test_splitting_loses_no_word(paragraphs: list[str]) -> None:
    text = "\n\n".join(paragraphs)
    pieces = split(text)
    assert " ".join(pieces).split() == text.split()
    assert all(pieces)


def test_pieces_are_short_where_there_are_sentences() -> None:
    pieces = split("This is one sentence of several. " * 200)
    assert len(pieces) > 1
    assert all(len(piece) <= MAX_SECTION_CHARS for piece in pieces)
