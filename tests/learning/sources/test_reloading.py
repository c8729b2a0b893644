"""What loading the same files and folders again changes, and what it leaves alone."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.errors import SourceUnreadable
from bot.feedback import Fact, Lesson, LessonSource, facts_of
from bot.ids import LessonId, new_id
from bot.retrieval import Section
from learning.sources.formats import TEXT_BYTES
from learning.sources.ingest import IngestReport, ingest
from storage.database import SqlStore
from tests.learning.sources.texts import PAGE, WHERE_MORE

DEMO = Path(__file__).parents[3] / "deploy" / "demo"


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
    assert found.phrasings == ("How much?", "What does it cost?")


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
