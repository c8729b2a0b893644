"""People at the page of the installed program with a real engine: what they ask, what they got, and how soon."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx

from bot.answers import Answer
from bot.events import MessagePosted
from bot.ids import time_of
from storage.codec import ANSWER, EVENT, from_text
from tests.chaos.traffic import GROUNDED, rows_of, until_none
from tests.e2e.program import PROGRAM, Installation
from tests.learning.model_cache import CACHE

PATIENCE_S = 120.0
BUNDLED = "bundled:smollm2-135m"
HELP = "# Plans\n\n## Single sign-on\n\nSingle sign-on comes with the Forest plan.\n"


@dataclass(frozen=True)
class Given:
    answer: Answer
    wait_s: float
    """From when its question was kept until it was there."""


def lacks_encoder() -> str:
    """Why no real engine can run here; empty when it can."""
    there = (CACHE / "all-mpnet-base-v2" / "mentee.json").is_file()
    return "" if there else "the text encoder isn't in the model cache (`mentee run` fetches it)"


def lacks_model() -> str:
    """The same of the bundled model."""
    there = (CACHE / "smollm2-135m" / "mentee.json").is_file()
    return lacks_encoder() or ("" if there else "the bundled model isn't in the model cache (`mentee run` fetches it)")


def installation(folder: Path, model: Path | str, mutant: str = "") -> Installation:
    """With one help page to ingest. What is written is let through, since it may be a random model's."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plans.md").write_text(HELP)
    settings = {"MENTEE_BASE_MODEL": str(model), "MENTEE_SUPPORTED_FROM": "0", "MENTEE_RETRAIN_AFTER_LESSONS": "0"}
    settings["MENTEE_ASKS_A_MINUTE"] = "0"  # all come from one browser
    planted = (PROGRAM.with_name("python").as_posix(), "-m", "tests.chaos.planted", mutant)
    return Installation(folder, settings, program=planted if mutant else (str(PROGRAM),))


def question() -> dict[str, str]:
    """In a conversation of its own."""
    return {"id": str(uuid4()), "conversation": str(uuid4()), "text": GROUNDED}


async def ask(browser: httpx.AsyncClient) -> int:
    """Once more when the line breaks; the page's status."""
    body = question()
    while True:
        with suppress(httpx.ReadError, httpx.RemoteProtocolError):  # a line that was kept open, and is closed just now
            return (await browser.post("/messages", json=body, timeout=PATIENCE_S)).status_code


async def given(installation: Installation, count: int) -> Sequence[Given]:
    """The answers to so many questions, once nothing is pending any more, oldest first."""
    database = installation.folder / "data" / "mentee.db"

    def left() -> int:
        (inbox,) = rows_of(database, "SELECT count(*) FROM inbox WHERE state <> 'pending'")
        (outbox,) = rows_of(database, "SELECT count(*) FROM outbox WHERE state = 'waiting'")
        return max(0, count - int(inbox[0])) + int(outbox[0])

    await until_none(left)
    events = [from_text(EVENT, row[0]) for row in rows_of(database, "SELECT event FROM inbox")]
    asked = {event.message.key: event.at for event in events if isinstance(event, MessagePosted)}
    rows = rows_of(database, "SELECT id, asked_in, answer FROM answers WHERE asked_in IS NOT NULL ORDER BY id")
    return [Given(from_text(ANSWER, row[2]), (time_of(row[0]) - asked[row[1]]).total_seconds()) for row in rows]
