"""What may be said and not trained on; and lessons whose help page has changed."""

import json
from pathlib import Path

import pytest

from bot.consent import may_train
from bot.feedback import Fact, LessonSource, facts_of
from learning.dataset import split
from learning.planning import trainable_sections
from learning.sources.ingest import Options, ingest
from storage.database import SqlStore
from tests.learning.samples import again, keep, lesson


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    return made


def facts(store: SqlStore) -> list[Fact]:
    return store.run_sync(lambda unit: facts_of(unit.lessons.all(), unit.lessons.phrasings()))


@pytest.mark.parametrize(
    ("licence", "consent"),
    [
        ("", "no"), ("", "No."), ("", "false"), ("", "withdrawn"), ("", "opted-out"), ("", "serving only"),
        ("", "support answers, but no training"), ("CC-BY-ND-4.0", ""), ("CC BY-NC-ND 4.0", "yes"),
        ("https://creativecommons.org/licenses/by-nd/4.0/", ""), ("CC0", "refused"), ("NoAI", ""),
        ("MIT, not for AI", "Bo"), ("no derivatives", ""),
    ],
)  # fmt: skip
def test_fields_that_forbid_training(licence: str, consent: str) -> None:
    assert not may_train(licence, consent)


@pytest.mark.parametrize(
    ("licence", "consent"),
    [
        ("", ""), ("CC-BY-4.0", "Bo"), ("CC0", "yes"), ("CC BY-NC-SA 4.0", "given 2026-01-02"), ("ours", "all agents"),
        ("MIT", "Norbert"), ("Apache-2.0, and MIT", "no objection"),
    ],
)  # fmt: skip
def test_fields_that_do_not(licence: str, consent: str) -> None:
    assert may_train(licence, consent)


async def test_rows_that_forbid_it_are_said_and_not_trained_on(store: SqlStore, folder: Path) -> None:
    (folder / "a.csv").write_text(
        "question,answer,licence,consent\nHow long is it?,21 days.,CC0,yes\nWho made it?,We did.,,no\n"
        "Where is it made?,In a shed.,CC-BY-ND-4.0,\n"
    )
    rows = [{"question": "What is it?", "answer": "A heron.", "consent": False}, {"question": "Why?", "answer": "So."}]
    (folder / "b.jsonl").write_text("\n".join(map(json.dumps, rows)))
    await ingest([folder], store)
    allowed = {fact.lesson.question: fact.lesson.trainable for fact in facts(store)}
    assert allowed == {
        "How long is it?": True, "Who made it?": False, "Where is it made?": False, "What is it?": False, "Why?": True,
    }  # fmt: skip
    parts = split(facts(store))
    seen = {fact.lesson.question for fact in (*parts.taught, *parts.practice, *parts.held_out)}
    assert seen <= {"How long is it?", "Why?"}
    (folder / "a.csv").write_text("question,answer,licence,consent\nWho made it?,We did.,,yes\n")
    await ingest([folder], store)
    assert {fact.lesson.question: fact.lesson.trainable for fact in facts(store)}["Who made it?"]


async def test_whoever_loads_may_say_it_for_the_whole_load(store: SqlStore, folder: Path) -> None:
    (folder / "a.csv").write_text("question,answer,consent\nHow?,So.,\nWhy?,Because.,yes\n")
    (folder / "b.md").write_text("# B\nHerons wade.")
    await ingest([folder], store, Options(consent="no"))
    assert {fact.lesson.question: fact.lesson.trainable for fact in facts(store)} == {"How?": False, "Why?": True}
    assert store.run_sync(trainable_sections) == []
    await ingest([folder], store, Options(consent="yes"))
    assert all(fact.lesson.trainable for fact in facts(store))
    assert len(store.run_sync(trainable_sections)) == 1


async def test_a_forbidden_row_lends_no_words_to_one_that_is_trained_on(store: SqlStore, folder: Path) -> None:
    rows = [
        {"question": "How do I pause my plan?", "answer": "Open Plans."},
        {"question": "How I do pause my plan?", "answer": "Open Plans.", "consent": "no"},
    ]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    await ingest([folder], store)
    (fact,) = facts(store)
    assert fact.phrasings == ("How do I pause my plan?",)


def test_the_words_of_a_forbidden_row_stay_out_when_an_agent_corrects_it(store: SqlStore) -> None:
    from dataclasses import replace

    listed = replace(lesson(1, source=LessonSource.FAQ), trainable=False)
    newer = replace(again(lesson(1), "Asked in an agent's words?"), taught_at=lesson(2).taught_at)
    store.run_sync(lambda unit: keep(unit, listed, newer))
    (fact,) = facts(store)
    assert fact.submitted == ("Asked in an agent's words?",)
    assert listed.question in fact.phrasings


PAGE = "# Plans\n\n## Pause\n\nYou can pause a plan for up to {days} days in the billing settings.\n"


async def test_a_page_that_changes_puts_the_lessons_in_doubt_that_leaned_on_it(store: SqlStore, folder: Path) -> None:
    from dataclasses import replace

    page = folder / "plans.md"
    page.write_text(PAGE.format(days=90) + "\n## Other\n\nHerons wade.\n")
    await ingest([folder], store)
    leaning = replace(lesson(1), answer="You can pause a plan for up to 90 days in the billing settings.")
    store.run_sync(lambda unit: keep(unit, leaning, lesson(2)))

    def doubted() -> dict[str, str]:
        return {each.id: each.doubted_by for each in store.run_sync(lambda unit: unit.lessons.doubted())}

    page.write_text(PAGE.format(days=90) + "\n## Other\n\nHerons wade and fly.\n")
    await ingest([folder], store)
    assert doubted() == {}
    page.write_text(PAGE.format(days=30) + "\n## Other\n\nHerons wade and fly.\n")
    await ingest([folder], store)
    assert doubted() == {leaning.id: str(page)}
    assert leaning.id in {fact.lesson.id for fact in facts(store)}
    assert [fact.lesson.id for fact in split(facts(store)).taught] == [lesson(2).id]
    page.write_text(PAGE.format(days=90))
    await ingest([folder], store)
    assert doubted() == {}
    page.unlink()
    (folder / "rest.md").write_text("# Rest\nNothing else.")
    await ingest([folder], store)
    assert doubted() == {leaning.id: str(page)}
