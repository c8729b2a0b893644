"""Forgetting a person, over real files: nothing that they wrote is left in any byte of the data folder."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from bot.errors import OperatorError
from bot.ids import LessonId, RunId, new_id
from bot.lineage import Adapter, Deployment, Move, RunState
from bot.people import Person, Platform
from deploy.backups import restore_backup, write_backup
from deploy.erasing import finish_erasures, forget
from deploy.loading import papers_folder
from deploy.logs import set_up_logs
from deploy.parts import Kept, open_kept
from deploy.settings import Settings, read_settings
from learning.sources.papers import NAMELESS, Papers
from storage.codec import ADAPTER, to_text
from storage.tables import AdapterRow
from storage.unit_of_work import SqlUnit
from tests.bot.events import ADMIN, AGENT, NOW, THREAD, command, correction, message, reaction
from tests.deploy.adapters import keep_adapter
from tests.deploy.conftest import Mentee, words
from tests.fakes.connector import FakeConnector
from tests.house import House, open_house

GONE = Person(Platform.SLACK, "U0CARA0001", "Cara Quimby-Vane")
OTHER = Person(Platform.SLACK, "U0OTHER001", "Olga")


@pytest.fixture
def kept(data: Path) -> Iterator[Kept]:
    with open_kept(read_settings()) as opened:
        yield opened


@pytest.fixture
def chat() -> FakeConnector:
    return FakeConnector()


@pytest.fixture
async def house(kept: Kept, data: Path, chat: FakeConnector) -> AsyncIterator[House]:
    async with open_house(data, lambda _: [chat]) as opened:
        yield opened


async def say(house: House, text: str, person: Person = GONE, thread: str = "100.1") -> None:
    await house.desk.receive(message(text, person, replace(THREAD, thread=thread)))
    await house.settle()


def files_with(folder: Path, needle: str) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and needle.encode() in path.read_bytes()]


def learned(kept: Kept, number: int, lessons: tuple[LessonId, ...], *asked: LessonId) -> Adapter:
    """An adapter that is live and whose lineage names the lessons, and those of which it learned only the question."""
    made = keep_adapter(kept, number=number)

    def relate(unit: SqlUnit) -> None:
        unit.session.get_one(AdapterRow, made.id).adapter = to_text(
            ADAPTER, replace(made, lessons=lessons, questions=asked)
        )
        unit.adapters.deploy(Deployment(Move.PROMOTE, made.id, "test", NOW))

    kept.store.run_sync(relate)
    return made


@pytest.fixture
def log(folder: Path) -> Iterator[Path]:
    """All that is logged, at its most talkative, as a terminal would show it."""
    before, config = (logging.root.handlers[:], logging.root.level), structlog.get_config()
    set_up_logs(Settings(log_level="debug"))
    path = folder / "mentee.log"
    with path.open("w") as file:
        handler = logging.root.handlers[0]
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(file)
        yield path
    logging.root.handlers, logging.root.level = before[0], before[1]
    structlog.configure(**config)


@pytest.mark.parametrize("canaries", [8, pytest.param(100, marks=pytest.mark.slow)])
async def test_no_byte_of_what_somebody_wrote_is_left(
    house: House, chat: FakeConnector, kept: Kept, data: Path, folder: Path, log: Path, mentee: Mentee, canaries: int
) -> None:
    """In the data folder, the log, and backups that were made before; nor can those be opened any more."""
    words = [f"kanarie{i}{new_id().replace('-', 'q')}" for i in range(canaries)]
    for i, word in enumerate(words):
        await say(house, f"How do I find {word} in the shop?", thread=f"{i}.1")
        answer = chat.answers[-1].answer
        if i % 3 == 0:  # the form comes with the question in it
            await house.desk.receive(correction(answer.id, answer.question, f"Look on shelf {i}."))
        elif i % 3 == 1:
            await house.desk.receive(correction(answer.id, f"What stands on shelf {i}?", f"The thing of shelf {i}."))
        await house.desk.receive(reaction("+1", chat.last_message(), GONE))
        await house.settle()
    chat.failures.append(RuntimeError(f"a library that quotes what it was given: {words[0]}"))
    await say(house, f"And {words[0]}?", thread="last.1")
    run = data / "training" / "r1"
    run.mkdir(parents=True)
    (run / "spec.json").write_text(json.dumps(words))
    await house.store.run(
        lambda unit: unit.vectors.put("m", {f"How do I find {word} in the shop?": b"v" for word in words})
    )
    assert files_with(data, words[0])
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    backup = write_backup(kept, elsewhere / "all.sealed")
    unfinished = data / ".backup-1"
    unfinished.mkdir()
    (unfinished / "mentee.db").write_text(words[0])  # of one that was killed
    certificate = await forget(kept, "@Cara Quimby-Vane", with_lessons=False)
    assert files_with(folder, "delivery failed") == [str(log)]
    assert [word for word in words if files_with(folder, word)] == []
    assert (certificate.backups, list((data / "backup-keys").iterdir())) == (1, [])
    with pytest.raises(OperatorError, match="destroyed when somebody is forgotten"):
        restore_backup(Settings(data_dir=folder / "new", backup_keys=data / "backup-keys"), Path(backup.file))
    assert files_with(folder, GONE.id) == []
    assert files_with(folder, "Quimby") == []
    assert (certificate.hits, certificate.folders) == (0, 2)
    assert certificate.searched
    questions = {lesson.question for lesson in await house.desk.lessons()}
    assert questions == {f"What stands on shelf {i}?" for i in range(1, canaries, 3)}


async def test_no_paper_of_a_load_names_them(house: House, kept: Kept, data: Path) -> None:
    await say(house, "How long is the trial?")
    folder = papers_folder(kept)
    (folder / "review").mkdir(parents=True)
    pairs = [{"question": "Is O-Cara open?", "answer": "Ask CARA quimby-vane.", "resolved_by": name}
             for name in (GONE.name, OTHER.name)]  # fmt: skip
    (folder / "review" / "chat.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    (folder / "report.json").write_text(json.dumps({"steps": {"short": {"examples": [f"thanks {GONE.id}"]}}}) + "\n")
    (folder / "restored.jsonl").write_text(json.dumps({"question": "Quimby?"}) + "\n")
    await forget(kept, GONE.key, with_lessons=False)
    assert files_with(data, GONE.name) + files_with(data, GONE.id) + files_with(data, "CARA") == []
    rows = [json.loads(line) for line in (folder / "review" / "chat.jsonl").read_text().splitlines()]
    assert [row["resolved_by"] for row in rows] == [NAMELESS, OTHER.name]
    assert {row["question"] for row in rows} == {"Is O-Cara open?"}  # another name
    assert json.loads((folder / "restored.jsonl").read_text()) == {"question": "Quimby?"}
    assert list(folder.rglob("*.unfinished")) == []


async def test_who_it_was_is_kept_until_files_were_gone_through(
    house: House, kept: Kept, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between the two halves leaves nobody's name in the papers."""
    await say(house, "How long is the trial?")
    folder = papers_folder(kept)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "restored.jsonl").write_text(json.dumps({"question": f"Who is {GONE.name}?"}) + "\n")
    forgetting = kept.commands.forgetting
    await kept.store.run(lambda unit: forgetting.forget(unit, GONE.key, "cli:operator", with_lessons=False))
    monkeypatch.setattr(Papers, "anonymise", _dies)
    with pytest.raises(KeyboardInterrupt):
        await finish_erasures(kept)
    monkeypatch.undo()
    (certificate,) = await finish_erasures(kept)
    assert certificate.words == ()
    assert files_with(data, GONE.name) == []


def _dies(_papers: Papers, _words: Sequence[str]) -> int:
    raise KeyboardInterrupt


async def test_what_others_said_stays(house: House, chat: FakeConnector, kept: Kept, data: Path) -> None:
    await house.teach("How long is the trial?", "21 days.")
    await say(house, "How long is the trial?", OTHER)
    await say(house, "How long is the trial?", GONE, "200.1")
    await forget(kept, GONE.key, with_lessons=False)
    assert len(await house.desk.lessons()) == 1
    people = await house.store.run(lambda unit: [who.key for who in unit.persons.known()])
    assert people == [OTHER.key]


async def test_others_words_name_nobody_who_was_forgotten(
    house: House, chat: FakeConnector, kept: Kept, data: Path
) -> None:
    await say(house, "Hello?")
    lesson = await house.teach("Who looks after the herons?", f"Ask {GONE.name} ({GONE.id}) at the desk.")
    tainted = learned(kept, 1, (lesson.id,))
    certificate = await forget(kept, GONE.key, with_lessons=False)
    assert [each.answer for each in await house.desk.lessons()] == ["Ask forgotten (forgotten) at the desk."]
    assert certificate.withdrawn == (tainted.id,)
    assert files_with(data, GONE.id) == files_with(data, GONE.name) == []


async def test_an_adapter_that_was_trained_on_the_question_of_an_earlier_version_is_withdrawn(
    house: House, chat: FakeConnector, kept: Kept
) -> None:
    """The answer has been replaced by a colleague since, and the question is still one of the fact's."""
    await say(house, "How do I find the blue heron?")
    about = chat.answers[-1].answer
    await house.desk.receive(correction(about.id, about.question, "On shelf 3."))
    await house.settle()
    (earlier,) = await house.desk.lessons()
    tainted = learned(kept, 1, (LessonId("a-colleague's"),), earlier.id)
    certificate = await forget(kept, GONE.id, with_lessons=False)
    assert certificate.withdrawn == (tainted.id,)


async def test_an_adapter_that_learned_from_it_is_withdrawn_and_the_clean_one_before_it_answers(
    house: House, chat: FakeConnector, kept: Kept, data: Path
) -> None:
    clean = learned(kept, 1, ())
    await say(house, "How do I find the blue heron?")
    await house.desk.receive(correction(chat.answers[-1].answer.id, chat.answers[-1].answer.question, "On shelf 3."))
    await house.settle()
    (lesson,) = await house.desk.lessons()
    tainted = learned(kept, 2, (lesson.id,))
    certificate = await forget(kept, GONE.id, with_lessons=False)
    assert certificate.withdrawn == (tainted.id,)
    assert certificate.serving == "v1"
    assert not kept.adapter_files.folder(tainted.id).exists()
    assert kept.adapter_files.folder(clean.id).exists()
    live = await house.desk.live_adapter()
    assert live is not None
    assert live.id == clean.id
    (rebuild,) = await house.desk.runs()
    assert (rebuild.id, rebuild.state) == (certificate.rebuild, RunState.REQUESTED)
    await house.desk.receive(command("promote v2"))
    await house.settle()
    assert "can't answer any more" in chat.notices[-1].text


async def test_a_training_under_way_is_stopped_when_its_data_has_to_go(
    house: House, chat: FakeConnector, kept: Kept, data: Path
) -> None:
    await say(house, "How do I find the blue heron?")
    await house.desk.receive(correction(chat.answers[-1].answer.id, chat.answers[-1].answer.question, "On shelf 3."))
    await house.desk.receive(command("retrain"))
    await house.settle()
    run = await house.store.run(lambda unit: unit.runs.claim("me", NOW, 60))
    assert run is not None
    (data / "training" / run.id).mkdir(parents=True)
    await forget(kept, GONE.key, with_lessons=False)
    assert not (data / "training" / run.id).exists()
    newest, stopped = await house.desk.runs()
    assert (newest.state, stopped.state) == (RunState.REQUESTED, RunState.DONE)
    assert not await house.store.run(lambda unit: unit.runs.beat(RunId(run.id), "me", None, NOW))  # type: ignore[arg-type]


@pytest.mark.parametrize("with_lessons", [False, True])
async def test_an_agents_lessons_stay_without_a_name_or_go(
    house: House, chat: FakeConnector, kept: Kept, data: Path, *, with_lessons: bool
) -> None:
    teacher = Person(Platform.SLACK, "U0TEACHER1", "Anastasia", groups=frozenset({"agents"}))
    await say(house, "How long is the trial?", OTHER)
    await house.desk.receive(correction(chat.answers[-1].answer.id, "How long is the trial?", "21 days.", teacher))
    await house.settle()
    await say(house, "How long is the trial?", OTHER, "300.1")
    await forget(kept, teacher.key, with_lessons=with_lessons)
    lessons = await house.desk.lessons()
    assert [lesson.author_name for lesson in lessons] == ([] if with_lessons else ["a former colleague"])
    assert files_with(data, "Anastasia") == []
    assert files_with(data, teacher.id) == []
    assert bool(files_with(data, "21 days.")) is not with_lessons


async def test_an_admin_forgets_from_the_chat_and_the_rest_follows(
    house: House, chat: FakeConnector, kept: Kept, data: Path
) -> None:
    await say(house, "How do I find the blue heron?")
    await house.desk.receive(command(f"forget @{GONE.id}", AGENT))
    await house.settle()
    assert "Only admins" in chat.notices[-1].text
    await house.desk.receive(command(f"forget @{GONE.id}", ADMIN))
    await house.settle()
    assert "Files and deleted bytes go within a minute" in chat.notices[-1].text
    (certificate,) = await finish_erasures(kept)
    assert files_with(data, "blue heron") == []
    assert files_with(data, GONE.id) == []
    assert (data / "certificates" / f"{certificate.id}.txt").is_file()
    assert await finish_erasures(kept) == []


async def test_who_forgets_themselves_is_forgotten(house: House, chat: FakeConnector, kept: Kept, data: Path) -> None:
    admin = replace(ADMIN, id="U0ADMIN0001")
    await house.desk.receive(command(f"forget {admin.id}", admin))
    await house.settle()
    assert len(await finish_erasures(kept)) == 1
    assert "forgotten" in (await house.store.run(lambda unit: unit.audit.people())).values()


@pytest.mark.parametrize("wanted", ["nobody", "", "slack:"])
async def test_who_is_not_known_is_told(house: House, chat: FakeConnector, wanted: str) -> None:
    await say(house, "Hello?", OTHER)
    await house.desk.receive(command(f"forget {wanted}"))
    await house.settle()
    assert "nobody" in chat.notices[-1].text or "needs a person" in chat.notices[-1].text
    assert len(chat.answers) == 1


def test_somebody_unknown_is_told_on_the_terminal_too(mentee: Mentee, kept: Kept) -> None:
    told = mentee("forget", "slack:U0NOBODY01", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["kind"] == "BadInput"


async def test_an_export_tells_all_that_is_kept_of_a_person_alone(
    house: House, chat: FakeConnector, kept: Kept, mentee: Mentee
) -> None:
    await say(house, "How do I find the blue heron?")
    await house.desk.receive(reaction("+1", chat.last_message(), GONE))
    await say(house, "How do I find the red crane?", OTHER, "200.1")
    exported = await asyncio.to_thread(mentee, "export", GONE.id)
    everything = json.loads(exported.stdout)
    assert {kind: len(rows) for kind, rows in everything.items()} == {
        "events": 2, "answers": 1, "turns": 2, "ratings": 1,
    }  # fmt: skip
    assert "blue heron" in exported.stdout
    assert "red crane" not in exported.stdout


async def test_the_audit_log_is_shown_and_verified(
    house: House, chat: FakeConnector, kept: Kept, data: Path, mentee: Mentee
) -> None:
    await house.teach("How long is the trial?", "21 days.")
    await house.desk.receive(command("pause"))
    await house.settle()
    head = json.loads((await asyncio.to_thread(mentee, "audit", "--verify", "--json")).stdout)["head"]
    assert "slack:U-adam paused the bot" in words((await asyncio.to_thread(mentee, "audit")).stdout)
    assert (await asyncio.to_thread(mentee, "audit", "--verify", "--head", head)).exit_code == 0
    with sqlite3.connect(data / "mentee.db") as database:
        database.execute("DELETE FROM audit WHERE number = 2")
    database.close()
    cut = await asyncio.to_thread(mentee, "audit", "--verify", "--head", head)
    assert (cut.exit_code, "was cut" in words(cut.stdout)) == (1, True)
    with sqlite3.connect(data / "mentee.db") as database:
        database.execute("UPDATE audit SET actor = 'me'")
    database.close()
    changed = await asyncio.to_thread(mentee, "audit", "--verify")
    assert (changed.exit_code, "breaks at entry 1" in words(changed.stdout)) == (1, True)
