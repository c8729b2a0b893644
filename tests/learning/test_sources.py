"""Help pages and FAQ files: what is read, what is refused with which reason, and what loading again changes."""

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SourceUnreadable
from bot.feedback import Fact, Lesson, LessonSource, facts_of
from bot.ids import LessonId, new_id
from bot.retrieval import Section
from learning.sources.faq import read_csv
from learning.sources.formats import TEXT_BYTES
from learning.sources.ingest import IngestReport, ingest
from learning.sources.items import Broken, FaqRow
from learning.sources.markdown import sections_of
from learning.sources.sections import MAX_SECTION_CHARS, split
from storage.database import SqlStore

WHERE_MORE = "where the header has 2; put quotes around text that contains separators"
DEMO = Path(__file__).parents[2] / "deploy" / "demo"

PAGE = """---
link: https://example.org/refunds
---
# Refunds

What comes before the first part.

## Refund a payment
Choose **Refund**.

### In the app
Tap and hold.

## Empty

## Studio credit ##
Credit does not expire.

```
# no heading, but code
```
"""


# --- Markdown -------------------------------------------------------------------------------------------------------


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


# --- FAQ files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "question,answer\nHow?,So.\n",
        "\ufeffQuestion,Answer\r\nHow?,So.\r\n",
        "answer;question;note\nSo.;How?;x\n",
        '"question"\t"answer"\nHow?\tSo.\n\n\t\n',
        "id,topic,question,answer\n,,How?,So.",
    ],
)
def test_faq_files_of_several_kinds_say_the_same(text: str) -> None:
    (row,) = rows_of(text)
    assert replace(row, line=0) == FaqRow("how?", "How?", "So.")


def test_id_and_topic_are_taken() -> None:
    text = 'id,topic,question,answer,phrasing_1\nprice,plans,"How much, really?","Ten.\nPer month.",cost?\n'
    assert rows_of(text) == [FaqRow("price", "How much, really?", "Ten.\nPer month.", "plans", ("cost?",), 3)]


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("question,answer\nHow?,\nWhy?,So.", Broken(2, "the answer is empty", "How?")),
        ("question,answer\nWhy?,So.\n ,Yes.\n", Broken(3, "the question is empty", "Yes.")),
        ("question,answer\nWhy?,So.\nHow?\n", Broken(3, f"1 cells {WHERE_MORE}", "How?")),
        ("question,answer\nHow?,So, really.\nWhy?,So.", Broken(2, f"3 cells {WHERE_MORE}", "How? | So |  really.")),
    ],
)
def test_an_unusable_line_costs_itself_alone(text: str, broken: Broken) -> None:
    found = list(read_csv(StringIO(text)))
    assert broken in found
    assert [item.question for item in found if isinstance(item, FaqRow)] == ["Why?"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a,b\n1,2\n", "columns question and answer"), ('question,answer\nWhy?,So.\n"How?,So.\n', "line 3: ")],
)
def test_a_file_that_no_line_can_be_told_of_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SourceUnreadable, match=reason):
        rows_of(text)


def rows_of(text: str) -> list[FaqRow]:
    return [row for row in read_csv(StringIO(text)) if isinstance(row, FaqRow)]


# --- loading --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    (made / "help").mkdir(parents=True)
    (made / "help" / "refunds.md").write_text(PAGE)
    (made / "faq.csv").write_text("id,question,answer\nprice,How much?,Ten.\nfree,Is it free?,No.\n")
    return made


async def known(store: SqlStore) -> dict[str, Fact]:
    facts = await store.run(lambda unit: facts_of(unit.lessons.all(), unit.lessons.phrasings()))
    return {fact.lesson.question: fact for fact in facts}


async def answers(store: SqlStore) -> dict[str, str]:
    return {question: fact.lesson.answer for question, fact in (await known(store)).items()}


async def sections(store: SqlStore) -> Sequence[Section]:
    return await store.run(lambda unit: unit.documents.sections())


async def revision(store: SqlStore) -> int:
    return await store.run(lambda unit: unit.revision())


async def test_a_folder_is_walked(store: SqlStore, folder: Path) -> None:
    report = await ingest([folder], store)
    assert report == IngestReport(sections=4, facts=2, unchanged=0, skipped=())
    assert len(await sections(store)) == 4
    fact = (await known(store))["How much?"]
    assert fact.lesson.answer == "Ten."
    assert fact.lesson.source is LessonSource.FAQ
    assert (fact.lesson.author, fact.lesson.author_name) == (f"faq:{folder / 'faq.csv'}", "faq.csv")
    assert fact.phrasings == ("How much?",)
    phrasings = await store.run(lambda unit: unit.lessons.phrasings())
    assert sorted(phrasing.text for phrasing in phrasings) == ["How much?", "Is it free?"]


async def test_loading_again_changes_nothing(store: SqlStore, folder: Path) -> None:
    await ingest([folder], store)
    before = await revision(store)
    assert await ingest([folder / "help", folder / "faq.csv"], store) == IngestReport(0, 0, 2, ())
    assert await revision(store) == before


async def test_a_changed_page_keeps_the_ids_of_its_other_sections(store: SqlStore, folder: Path) -> None:
    await ingest([folder], store)
    before = {section.heading: section for section in await sections(store)}
    page = folder / "help" / "refunds.md"
    page.write_text(page.read_text().replace("Tap and hold.", "Swipe left."))
    report = await ingest([folder], store)
    assert (report.sections, report.facts, report.unchanged) == (4, 0, 1)
    after = {section.heading: section for section in await sections(store)}
    assert {heading for heading in before if after[heading] != before[heading]} == {"Refund a payment › In the app"}
    assert {heading: section.id for heading, section in after.items()} == {
        heading: section.id for heading, section in before.items()
    }


async def test_a_file_named_twice_is_loaded_once(store: SqlStore, folder: Path) -> None:
    report = await ingest([folder / "faq.csv", folder, folder], store)
    assert (report.facts, report.unchanged) == (2, 0)


async def test_a_changed_answer_is_a_new_version_of_the_same_fact(store: SqlStore, folder: Path) -> None:
    await ingest([folder], store)
    before = await known(store)
    for answer in ("Twelve.", "Ten."):  # and back again
        (folder / "faq.csv").write_text(f"id,question,answer\nprice,How much?,{answer}\nfree,Is it free?,No.\n")
        report = await ingest([folder], store)
        assert (report.facts, report.unchanged) == (1, 1)
        after = await known(store)
        assert after["How much?"].lesson.answer == answer
        assert after["How much?"].id == before["How much?"].id
        assert after["Is it free?"] == before["Is it free?"]


async def test_a_reworded_question_keeps_its_fact_by_its_id(store: SqlStore, folder: Path) -> None:
    await ingest([folder], store)
    fact = (await known(store))["How much?"].id
    (folder / "faq.csv").write_text("id,question,answer\nprice,What does it cost?,Ten.\nfree,Is it free?,No.\n")
    await ingest([folder], store)
    found = (await known(store))["What does it cost?"]
    assert found.id == fact
    assert found.phrasings == ("What does it cost?", "How much?")


async def test_a_removed_row_is_withdrawn_with_all_its_versions(store: SqlStore, folder: Path) -> None:
    await ingest([folder], store)
    (folder / "faq.csv").write_text("id,question,answer\nprice,How much?,Twelve.\nfree,Is it free?,No.\n")
    await ingest([folder], store)
    (folder / "faq.csv").write_text("id,question,answer\nfree,Is it free?,No.\n")
    report = await ingest([folder], store)
    assert (report.facts, report.unchanged) == (0, 1)
    assert await answers(store) == {"Is it free?": "No."}
    (folder / "faq.csv").write_text("id,question,answer\nprice,How much?,Twelve.\nfree,Is it free?,No.\n")
    await ingest([folder], store)
    assert await answers(store) == {"Is it free?": "No.", "How much?": "Twelve."}


async def test_an_agents_correction_outlives_loading_the_same_file_again(store: SqlStore, folder: Path) -> None:
    await ingest([folder], store)
    taught = (await known(store))["How much?"].lesson
    correction = Lesson(
        **{**taught.__dict__, "id": LessonId(new_id()), "answer": "Eleven.", "author": "slack:U1",
           "source": LessonSource.CORRECTION}
    )  # fmt: skip
    await store.run(lambda unit: unit.lessons.add(correction))
    await ingest([folder], store)
    assert (await answers(store))["How much?"] == "Eleven."


async def test_what_is_gone_from_a_folder_is_forgotten(store: SqlStore, folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "other.csv"
    elsewhere.write_text("question,answer\nElse?,Yes.\n")
    await ingest([folder, elsewhere], store)
    (folder / "help" / "refunds.md").unlink()
    (folder / "help" / "new.md").write_text("# New\nText.")
    (folder / "faq.csv").unlink()
    await ingest([folder], store)
    assert [section.title for section in await sections(store)] == ["New"]
    assert await answers(store) == {"Else?": "Yes."}


async def test_a_file_that_cant_be_read_any_more_keeps_what_it_brought(store: SqlStore, folder: Path) -> None:
    await ingest([folder], store)
    (folder / "faq.csv").write_text("question,answer\nHow much?\n")
    report = await ingest([folder], store)
    assert report.skipped == ((folder / "faq.csv", f"line 2: 1 cells {WHERE_MORE}"),)
    assert len(await answers(store)) == 2


BAD_FILES = {
    "binary.md": (b"# T\n\0\1\2", "a binary file"),
    "latin.md": ("# Gebühr\nÜber".encode("latin-1"), "not UTF-8"),
    "empty.md": (b"", "empty"),
    "blank.csv": (b"\n \n", "columns question and answer"),
    "titles.md": (b"# Title\n\n## Part\n", "no text in it"),
    "phrasings.csv": (b"id,question\n1,How?\n", "columns question and answer"),
    "big.md": (b"x" * (TEXT_BYTES + 1), "10 MB"),
}


async def test_unusable_files_are_skipped_with_the_reason_and_the_rest_goes_on(store: SqlStore, folder: Path) -> None:
    for name, (content, _) in BAD_FILES.items():
        (folder / name).write_bytes(content)
    (folder / ".hidden.md").write_text("# Hidden\nText.")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    named, missing = folder / "picture.png", folder / "missing.md"
    report = await ingest([folder, named, missing], store)
    reasons = {path.name: reason for path, reason in report.skipped}
    assert reasons.keys() == {*BAD_FILES, "picture.png", "missing.md"}
    for name, (_, reason) in BAD_FILES.items():
        assert reason in reasons[name]
    assert "neither help page" in reasons["picture.png"]
    assert "No such file" in reasons["missing.md"]
    assert (report.sections, report.facts) == (4, 2)


async def test_nothing_at_all_is_an_error_and_forgets_nothing(store: SqlStore, folder: Path, tmp_path: Path) -> None:
    await ingest([folder], store)
    for path in (folder / "help" / "refunds.md", folder / "faq.csv"):
        path.unlink()
    with pytest.raises(SourceUnreadable, match=f"Nothing to load in {folder}"):
        await ingest([folder], store)
    assert len(await answers(store)) == 2
    with pytest.raises(SourceUnreadable, match=r"nowhere\.md: No such file"):
        await ingest([tmp_path / "nowhere.md"], store)


async def test_the_demo_is_loaded_whole(store: SqlStore) -> None:
    report = await ingest([DEMO / "help", DEMO / "faq.csv"], store)
    assert report.skipped == ()
    assert report.facts == 99
    assert {section.source for section in await sections(store)} == {str(path) for path in (DEMO / "help").glob("*.md")}
    assert report.sections == len(await sections(store)) > 100
