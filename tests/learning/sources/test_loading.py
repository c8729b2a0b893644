"""A load as a whole: across files, again and again, and what it leaves to look at."""

import json
from pathlib import Path

import pytest

from bot.feedback import Fact, facts_of
from bot.lineage import Progress
from learning.sources import intake, keeping
from learning.sources.cleaning import Cleaning
from learning.sources.ingest import AGAIN, IngestReport, Options, ingest
from learning.sources.papers import Papers
from storage.database import SqlStore
from tests.learning.sources.documents import make_pdf, make_xlsx


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    return made


def known(store: SqlStore) -> dict[str, Fact]:
    facts = store.run_sync(lambda unit: facts_of(unit.lessons.all(), unit.lessons.phrasings()))
    return {fact.lesson.question: fact for fact in facts}


def answers(store: SqlStore) -> dict[str, str]:
    return {question: fact.lesson.answer for question, fact in known(store).items()}


def csv_of(*rows: tuple[str, str]) -> str:
    return "question,answer\n" + "".join(f'"{question}","{answer}"\n' for question, answer in rows)


def steps(report: IngestReport) -> dict[str, tuple[int, int]]:
    return {name: (effect.changed, effect.dropped) for name, effect in report.data.steps.items()}


async def test_a_folder_of_all_kinds(store: SqlStore, folder: Path) -> None:
    (folder / "a.md").write_text("---\nlicence: CC-BY-4.0\n---\n# A\nText.")
    (folder / "b.html").write_text("<h1>B</h1><p>Text.")
    make_pdf(folder / "c.pdf", [["C", "Text."]])
    make_xlsx(folder / "d.xlsx", [["question", "answer"], ["How?", "So."]])
    (folder / "e.jsonl").write_text('{"question": "Why?", "answer": "Because.", "license": "CC0", "consent": "Bo"}')
    (folder / "f.csv").write_text(csv_of(("When?", "Now.")))
    report = await ingest([folder], store, Options(licence="ours"))
    assert (report.sections, report.facts, report.unchanged, report.skipped) == (3, 3, 0, ())
    origins = store.run_sync(lambda unit: unit.documents.origins())
    assert [(Path(origin.source).name, origin.licence, origin.consent) for origin in origins] == [
        ("a.md", "CC-BY-4.0", ""), ("b.html", "ours", ""), ("c.pdf", "ours", ""), ("d.xlsx", "ours", ""),
        ("e.jsonl", "CC0", "Bo"), ("f.csv", "ours", ""),
    ]  # fmt: skip
    assert all(len(origin.sha256) == 64 for origin in origins)
    again = await ingest([folder], store, Options(licence="ours"))
    assert (again.sections, again.facts, again.unchanged, again.data.files) == (0, 0, 6, 0)


async def test_near_duplicates_become_phrasings_of_the_commonest_answer(store: SqlStore, folder: Path) -> None:
    (folder / "a.csv").write_text(csv_of(("How do I pause?", "Opne Plans."), ("how do I puase", "Open Plans.")))
    (folder / "b.csv").write_text(csv_of(("How I do pause?", "Open Plans."), ("Other?", "Yes.")))
    report = await ingest([folder], store)
    assert answers(store) == {"how do I puase": "Open Plans.", "Other?": "Yes."}
    fact = known(store)["how do I puase"]
    assert fact.submitted == ("how do I puase", "How do I pause?", "How I do pause?")
    assert steps(report) == {"duplicates": (0, 2)}
    assert report.data.kept_entries == 2


async def test_what_another_file_stood_for_comes_back_when_that_is_gone(store: SqlStore, folder: Path) -> None:
    (folder / "a.csv").write_text(csv_of(("How do I pause?", "Open Plans.")))
    (folder / "b.csv").write_text(csv_of(("how do i pause", "Open Plans."), ("Other?", "Yes.")))
    await ingest([folder], store)
    assert answers(store) == {"How do I pause?": "Open Plans.", "Other?": "Yes."}
    readings = [origin.reading for origin in store.run_sync(lambda unit: unit.documents.origins())]
    assert [reading == AGAIN for reading in readings] == [False, True]
    revision = store.run_sync(lambda unit: unit.revision())
    assert (await ingest([folder], store)).facts == 0
    assert store.run_sync(lambda unit: unit.revision()) == revision
    (folder / "a.csv").unlink()
    await ingest([folder], store)
    await ingest([folder], store)
    assert answers(store) == {"how do i pause": "Open Plans.", "Other?": "Yes."}


async def test_a_later_file_adds_its_phrasing_to_what_is_known(store: SqlStore, folder: Path) -> None:
    (folder / "a.csv").write_text(csv_of(("How do I pause?", "Open Plans.")))
    (folder / "b.csv").write_text(csv_of(("How do I puase?", "Open Plans.")))
    await ingest([folder / "a.csv"], store)
    report = await ingest([folder / "b.csv"], store)
    assert report.facts == 1
    assert known(store)["How do I pause?"].phrasings == ("How do I pause?", "How do I puase?")
    assert (await ingest([folder / "b.csv"], store)).facts == 0


async def test_the_first_of_contradictory_answers_is_served_and_the_other_told(store: SqlStore, folder: Path) -> None:
    (folder / "a.csv").write_text(csv_of(("How long?", "21 days.")))
    (folder / "b.csv").write_text(csv_of(("How long?", "14 days."), ("How long?", "7 days.")))
    report = await ingest([folder], store, Options(folder=folder / "papers"))
    assert answers(store) == {"How long?": "21 days."}
    (first, second) = report.data.contradictions
    assert (first.answer, first.other, second.other) == ("21 days.", "14 days.", "7 days.")
    assert first.where.endswith("a.csv:2")
    dropped = list(Papers(folder / "papers").all_dropped())
    assert [(row["step"], row["answer"]) for row in dropped] == [
        ("contradictions", "14 days."), ("contradictions", "7 days."),
    ]  # fmt: skip


async def test_what_was_dropped_is_kept_as_it_came_and_can_be_restored(store: SqlStore, folder: Path) -> None:
    (folder / "a.csv").write_text(csv_of(("Hi, what is <b>x</b>?", "To do"), ("How?", "So.")) + "Half,\n")
    options = Options(folder=folder / "papers")
    report = await ingest([folder / "a.csv"], store, options)
    assert answers(store) == {"How?": "So."}
    assert steps(report) == {"markup": (1, 0), "greetings": (1, 0), "templates": (0, 1), "unreadable lines": (0, 1)}
    (path,) = report.data.dropped_files
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["line"], row["step"]) for row in rows] == [(2, "templates"), (4, "unreadable lines")]
    mine = folder / "mine.jsonl"
    mine.write_text(json.dumps(rows[0]))
    await ingest([mine], store, Options(cleaning=Cleaning(as_is=True)))
    assert answers(store) == {"How?": "So.", "Hi, what is <b>x</b>?": "To do"}


async def test_pairs_of_conversations_wait_for_somebody_to_review_them(store: SqlStore, folder: Path) -> None:
    said = [("user", "Hi, how do I pause?"), ("agent", "Open Plans, then choose Pause.\n-- \nBo"), ("user", "thanks!")]
    known_already = [("user", "How long?"), ("agent", "It is 21 days long.")]
    other = [("user", "How long?"), ("agent", "It is 14 days long.")]
    path = folder / "a.ndjson"
    path.write_text("\n".join(
        json.dumps({"messages": [{"role": role, "content": text} for role, text in each]})
        for each in (said, known_already, other)
    ))  # fmt: skip
    (folder / "z.csv").write_text(csv_of(("How long?", "It is 21 days long.")))
    report = await ingest([folder], store, Options(folder=folder / "papers"))
    assert answers(store) == {"How long?": "It is 21 days long."}
    assert (report.data.pairs, report.data.kept_pairs, report.unchanged) == (3, 1, 0)
    (review,) = report.data.review_files
    (pair,) = map(json.loads, review.read_text().splitlines())
    assert (pair["question"], pair["answer"]) == ("How do I pause?", "Open Plans, then choose Pause.")
    assert (pair["resolved_by"], pair["why"]) == ("agent", "the asker thanked for it")
    assert [each.other for each in report.data.contradictions] == ["It is 14 days long."]
    assert (await ingest([review], store)).facts == 1
    assert "How do I pause?" in answers(store)


async def test_what_a_half_written_file_lacks_is_not_withdrawn(store: SqlStore, folder: Path) -> None:
    path = folder / "a.jsonl"
    lines = [json.dumps({"question": f"Question {n} of them?", "answer": f"Answer {n}."}) for n in range(3)]
    path.write_text("\n".join(lines))
    await ingest([folder], store)
    path.write_text("\n".join(lines)[:90])
    await ingest([folder], store)
    assert len(answers(store)) == 3
    path.write_text(lines[0])
    await ingest([folder], store)
    assert answers(store) == {"Question 0 of them?": "Answer 0."}


async def test_an_entry_that_is_dropped_from_now_on_is_withdrawn(store: SqlStore, folder: Path) -> None:
    rows = csv_of(*((f"Question {n} of the topic?", f"Answer {n}.") for n in "abcd"))
    (folder / "a.csv").write_text("topic," + "\n".join(f"t,{row}" for row in rows.splitlines()).removeprefix("t,"))
    await ingest([folder], store)
    assert len(answers(store)) == 4
    report = await ingest([folder], store, Options(cleaning=Cleaning(most_per_topic=3)))
    assert sorted(answers(store).values()) == ["Answer a.", "Answer b.", "Answer c."]
    assert report.data.topics == {"t": 3}


async def test_nobody_s_pairs_are_more_than_their_share(store: SqlStore, folder: Path) -> None:
    def ticket(n: int, agent: str) -> str:
        said = [{"role": "user", "content": f"How do I open the door number {n}?"}]
        said.append({"role": "agent", "name": agent, "content": f"Take the key of number {n} from the board."})
        return json.dumps({"messages": said})

    (folder / "t.jsonl").write_text("\n".join([*(ticket(n, "Bo") for n in range(5)), ticket(9, "Ann")]))
    cleaning = Cleaning(most_per_person=2)
    report = await ingest([folder], store, Options(cleaning=cleaning, folder=folder.with_name("papers")))
    assert (report.data.steps["people"].dropped, report.data.kept_pairs) == (3, 3)
    assert "Ann" in report.data.review_files[0].read_text()


async def test_a_dry_run_keeps_nothing(store: SqlStore, folder: Path) -> None:
    (folder / "a.md").write_text("# A\nText.")
    (folder / "b.csv").write_text(csv_of(("How?", "So."), ("how", "So.")))
    report = await ingest([folder], store, Options(folder=folder / "papers", dry_run=True))
    assert (report.data.sections, report.data.entries, report.data.kept_entries) == (1, 2, 1)
    assert store.run_sync(lambda unit: (unit.revision(), unit.documents.origins())) == (0, [])
    assert not (folder / "papers").exists()


class Killed(Exception):
    pass


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "AT_ONCE", 5)
    monkeypatch.setattr(intake, "SAY_EVERY", 10)


@pytest.mark.usefixtures("small_portions")
async def test_an_interrupted_load_goes_on_where_it_was(store: SqlStore, folder: Path) -> None:
    (folder / "a.csv").write_text(csv_of(*((f"What is number {n}?", f"It is {n}.") for n in range(12))))

    def stop(at: Progress) -> None:
        if at.stage.startswith("Keeping") and at.done >= 10:
            raise Killed

    with pytest.raises(Killed):
        await ingest([folder], store, tell=stop)
    assert len(answers(store)) == 10
    report = await ingest([folder], store)
    assert (report.facts, len(answers(store))) == (2, 12)


@pytest.mark.usefixtures("small_portions")
async def test_how_far_it_is_is_told(store: SqlStore, folder: Path) -> None:
    (folder / "a.csv").write_text(csv_of(*((f"What is number {n}?", f"It is {n}.") for n in range(11))))
    told: list[str] = []
    await ingest([folder], store, tell=lambda at: told.append(f"{at.stage} {at.done}/{at.total}"))
    assert told == [
        "Reading a.csv 0/1", "Reading a.csv: 10 entries 0/1", "Keeping what is new 5/11",
        "Keeping what is new 10/11", "Keeping what is new 11/11",
    ]  # fmt: skip
