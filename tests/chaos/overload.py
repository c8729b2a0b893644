"""More questions at once than can be answered, on the installed program with a real engine."""

import asyncio
from collections import Counter
from pathlib import Path
from uuid import uuid4

from bot.answers import Answer
from bot.events import MessagePosted
from bot.ids import AnswerId, time_of
from bot.texts import ENGLISH
from storage.codec import ANSWER, EVENT, from_text
from tests.chaos.tally import Tally
from tests.chaos.traffic import GROUNDED, rows_of, until_none
from tests.e2e.program import PROGRAM, Installation, Running
from tests.learning.model_cache import CACHE
from tests.tiny_model import make_tiny_model

HELP = "# Plans\n\n## Single sign-on\n\nSingle sign-on comes with the Forest plan.\n"
A_MINUTE = 60
LAYERS = 30
"""So that an answer takes a while."""


async def overload(folder: Path, count: int, mutant: str = "") -> Tally:
    tally = Tally(
        "more questions than can be answered: each is answered or handed off in plain words; then all is normal"
    )
    if not (CACHE / "all-minilm-l6-v2" / "mentee.json").is_file():
        tally.skipped = "the text encoder isn't in the model cache (`mentee run` fetches it)"
        return tally
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plans.md").write_text(HELP)
    model = make_tiny_model(folder / "tiny", layers=LAYERS)
    settings = {"MENTEE_BASE_MODEL": str(model), "MENTEE_SUPPORTED_FROM": "0", "MENTEE_RETRAIN_AFTER_LESSONS": "0"}
    settings["MENTEE_ASKS_A_MINUTE"] = "0"  # all come from one browser
    installation = Installation(folder, settings, program=_program(mutant))
    await installation.mentee("ingest", "plans.md")
    async with installation.running() as bot:
        statuses = Counter(await asyncio.gather(*(_ask(bot, str(uuid4())) for _ in range(count))))
        refused, taken = statuses[429], statuses[202]
        answers = await _answers(installation, taken)
        tally.check(refused + taken == count, f"answers of the page: {statuses}")
        tally.check(len(answers) == taken, f"{len(answers)} answers to {taken} questions")
        shed = [answer for answer in answers if answer.text == ENGLISH.busy]
        handed = [answer for answer in answers if answer.kind == "handoff"]
        for answer in answers:
            tally.check(bool(answer.text.strip()), "an empty answer")
        waits = _waits(installation)
        for _ in range(A_MINUTE):  # the page's limit may still hold
            if await _ask(bot, str(uuid4())) == 202:
                break
            await asyncio.sleep(1.0)
        after = await _answers(installation, taken + 1)
        tally.check(len(after) == taken + 1 and after[-1].kind == "grounded", "not normal afterwards")
    left = len(handed) - len(shed)
    tally.notes.append(
        f"{count} at once: {taken - len(handed)} written, {len(shed)} told that too many ask, {left} other hand-offs, "
        f"{refused} refused by the page's limit and told so"
    )
    told = [waits[answer.id] for answer in shed if answer.id in waits]
    tally.notes.append(
        f"told after {max(told, default=0):.1f} s at most; the last answer after {max(waits.values()):.0f} s"
    )
    return tally


def _waits(installation: Installation) -> dict[AnswerId, float]:
    """How many seconds after its question was kept each answer was there."""
    database = installation.folder / "data" / "mentee.db"
    events = [from_text(EVENT, row[0]) for row in rows_of(database, "SELECT event FROM inbox")]
    asked = {event.message.key: event.at for event in events if isinstance(event, MessagePosted)}
    answers = rows_of(database, "SELECT id, asked_in FROM answers WHERE asked_in IS NOT NULL")
    return {AnswerId(answer): (time_of(answer) - asked[key]).total_seconds() for answer, key in answers if key in asked}


def _program(mutant: str) -> tuple[str, ...]:
    return (PROGRAM.with_name("python").as_posix(), "-m", "tests.chaos.planted", mutant) if mutant else (str(PROGRAM),)


async def _ask(bot: Running, conversation: str) -> int:
    body = {"id": str(uuid4()), "conversation": conversation, "text": GROUNDED}
    return (await bot.browser.post("/messages", json=body, timeout=120)).status_code


async def _answers(installation: Installation, count: int) -> list[Answer]:
    """Once nothing is pending any more, oldest first."""
    database = installation.folder / "data" / "mentee.db"

    def left() -> int:
        (inbox,) = rows_of(database, "SELECT count(*) FROM inbox WHERE state <> 'pending'")
        (outbox,) = rows_of(database, "SELECT count(*) FROM outbox WHERE state = 'waiting'")
        return max(0, count - int(inbox[0])) + int(outbox[0])

    await until_none(left)
    return [from_text(ANSWER, row[0]) for row in rows_of(database, "SELECT answer FROM answers ORDER BY id")]
