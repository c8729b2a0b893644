"""What comes from outside while the bot is killed: Slack and browsers that send again until they are heard.

The ledger notes what was acknowledged.
"""

import asyncio
import contextlib
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import pysqlite3.dbapi2 as sqlite
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from bot.answers import Answer, AnswerKind
from bot.feedback import Lesson, LessonSource, Phrasing
from bot.ids import AnswerId, FactId, LessonId, SectionId, new_id
from bot.ports import Unit
from bot.retrieval import Section
from connectors.web.parsing import person_as, place_of
from connectors.web.visitor import CONVERSATION, ROLE
from deploy.wiring import utc_now
from storage.database import SqlStore
from tests.chaos.bot_process import AGENT, SECRET, Start
from tests.chaos.slack import Slack
from tests.connectors.slack.our_slack import Json
from tests.connectors.slack.signing import send_event
from tests.connectors.web.conftest import free_port
from tests.e2e.waiting import PATIENCE_S, until

KNOWN = "How long is the trial?"
GROUNDED = "Which plan has single sign-on?"
UNKNOWN = "Do you sell umbrellas?"
QUESTIONS = (KNOWN, GROUNDED, UNKNOWN)
HELP = Section(
    SectionId("s1"), "plans.md", "Plans", "Single sign-on", "Single sign-on comes with the Forest plan.", None
)
CONVERSATION_ID = "0190b2f4-0000-4000-8000-0000000000aa"
DUPLICATES = 0.15
"""How much of it comes again though it was acknowledged, ..."""
LATE_S = 4.0
"""... so much later at most: it may have been worked off meanwhile."""


@dataclass
class Ledger:
    """What was acknowledged."""

    questions: set[str] = field(default_factory=set)
    """Their times in Slack: each opens a thread."""
    lessons: set[str] = field(default_factory=set)
    """The answers that were taught."""
    reactions: set[str] = field(default_factory=set)
    """The messages that got a ✅."""
    commands: int = 0
    sent: int = 0

    @property
    def size(self) -> int:
        return len(self.questions) + len(self.lessons) + len(self.reactions) + self.commands


@dataclass
class World:
    """A bot's folder, the Slack that it speaks with, and everybody who writes to it."""

    folder: Path
    slack: Slack
    slack_port: int
    page_port: int
    rng: random.Random
    url: str
    """Of its database."""
    ledger: Ledger = field(default_factory=Ledger)
    page_answer: str = ""
    slowest_refusal_s: float = 0.0
    """How long somebody waited at most to hear that an event couldn't be kept."""
    sent_at: dict[str, float] = field(default_factory=dict)
    """When each question was sent first, monotonic."""
    _number: int = 0

    def start(self, **how: object) -> Start:
        where = (self.folder, self.url, self.slack.url, self.slack_port, self.page_port)
        return Start(*where, **how)  # type: ignore[arg-type]

    @property
    def database(self) -> Path:
        return self.folder / "mentee.db"

    @contextlib.contextmanager
    def store(self) -> Iterator[SqlStore]:
        store = SqlStore(self.url)
        try:
            yield store
        finally:
            store.close()

    # --- sending ---------------------------------------------------------------------------------------------------

    async def ask(self, text: str) -> str:
        """Ask in a thread of its own, until it is acknowledged; the question's time."""
        self._number += 1
        ts = f"{int(time.time())}.{self._number:06}"
        event = {"type": "app_mention", "channel": "C1", "user": "U0CARA", "text": f"<@U0BOT> {text}", "ts": ts}
        self.sent_at[ts] = time.monotonic()
        await self._until_acknowledged(lambda: self._slack_event(f"Ev{ts}", event))
        self.ledger.questions.add(ts)
        return ts

    async def approve(self, message: Json) -> None:
        """✅ on an answer that stands in Slack."""
        number = new_id()
        event = {
            "type": "reaction_added", "user": AGENT, "reaction": "white_check_mark", "item_user": "U0BOT",
            "item": {"type": "message", "channel": "C1", "ts": message["ts"]}, "event_ts": f"{time.time():.6f}",
        }  # fmt: skip
        await self._until_acknowledged(lambda: self._slack_event(f"Ev{number}", event))
        self.ledger.reactions.add(message["ts"])

    async def teach(self) -> None:
        """Correct an answer of the page's."""
        number = self._number = self._number + 1
        text = f"Answer number {number}."
        body = {"answer": self.page_answer, "question": f"What is number {number}?", "text": text}
        await self._post("/corrections", body)
        self.ledger.lessons.add(text)

    async def command(self) -> None:
        await self._post("/commands", {"text": "resume"})
        self.ledger.commands += 1

    async def one(self) -> None:
        """One event of the usual mixture."""
        kind = self.rng.random()
        if kind < 0.1:
            await self.teach()
        elif kind < 0.2:
            await self.command()
        elif kind < 0.3 and (settled := self.slack.settled()):
            await self.approve(self.rng.choice(settled))
        else:
            await self.ask(self.rng.choice(QUESTIONS))

    async def keep_sending(self, stop: asyncio.Event, pause_s: float = 0.03) -> None:
        while not stop.is_set():
            await self.one()
            await asyncio.sleep(self.rng.expovariate(1 / pause_s))

    async def _slack_event(self, id: str, event: Mapping[str, object]) -> bool:
        body = json.dumps({"type": "event_callback", "team_id": "T1", "event_id": id, "event": event})
        return await send_event(f"http://127.0.0.1:{self.slack_port}/slack/events", SECRET, body) == 200

    async def _post(self, path: str, body: Mapping[str, object]) -> None:
        body = {"id": str(uuid4()), "conversation": CONVERSATION_ID, **body}
        address = f"http://127.0.0.1:{self.page_port}"

        async def post() -> bool:
            cookies = {CONVERSATION: CONVERSATION_ID, ROLE: "admin"}
            async with (
                aiohttp.ClientSession(cookies=cookies, headers={"origin": address}) as browser,
                browser.post(f"{address}{path}", json=body) as answer,
            ):
                return answer.status == 202

        await self._until_acknowledged(post)

    async def _until_acknowledged(self, send: Callable[[], Awaitable[bool]]) -> None:
        """And sometimes once more."""
        await self._send(send)
        if self.rng.random() < DUPLICATES:
            await asyncio.sleep(self.rng.uniform(0.0, LATE_S))
            await self._send(send)

    async def _send(self, send: Callable[[], Awaitable[bool]]) -> None:
        while True:
            self.ledger.sent += 1
            began = time.monotonic()
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                if await send():
                    return
                self.slowest_refusal_s = max(self.slowest_refusal_s, time.monotonic() - began)
            await asyncio.sleep(0.05)

    # --- afterwards ------------------------------------------------------------------------------------------------

    async def until_up(self) -> None:
        """Wait until the page and Slack's door are open."""
        for port in (self.slack_port, self.page_port):
            await until(partial(_is_open, port), f"port {port}")

    async def until_quiet(self) -> bool:
        """Wait until nothing is to be worked off or delivered; False when that never comes."""
        return await until_none(self._waiting)

    def unanswered(self) -> int:
        """Questions that are kept without an answer or a hand-off, at this very moment."""
        with self.store() as store:
            return store.run_sync(lambda unit: unit.vitals().unanswered)

    def _waiting(self) -> int:
        pending = "SELECT (SELECT count(*) FROM inbox WHERE state = 'pending') + "
        return self.count(f"{pending} (SELECT count(*) FROM outbox WHERE state = 'waiting')")

    def count(self, query: str, *given: str) -> int:
        return int(self.rows(query, *given)[0][0])

    def rows(self, query: str, *given: str) -> list[tuple[str, ...]]:
        return rows_of(self.database, query, *given) if self.is_sqlite else _rows_of_server(self.url, query, *given)

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")


def rows_of(database: Path, query: str, *given: str) -> list[tuple[str, ...]]:
    """Look into a database without locking it."""
    connection = sqlite.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        return list(connection.execute(query, given))
    finally:
        connection.close()


def _rows_of_server(url: str, query: str, *given: str) -> list[tuple[str, ...]]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query.replace("?", "%s"), given)]


async def until_none(left: Callable[[], int]) -> bool:
    """Wait until there is none left; False when it has been no fewer for a long time. A busy machine is only slow."""
    least, since = left(), time.monotonic()
    while least:
        await asyncio.sleep(0.05)
        if (now := left()) < least:
            least, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE_S:
            return False
    return True


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@asynccontextmanager
async def open_world(folder: Path, seed: int, url: str = "") -> AsyncIterator[World]:
    """With a known answer, a help page, and an answer on the page that may be corrected. Without a URL, on SQLite."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    slack = Slack(rng=rng)
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack.answer)
    async with TestServer(app) as server:
        slack.url = str(server.make_url("/api/"))
        world = World(folder, slack, free_port(), free_port(), rng, url or f"sqlite:///{folder / 'mentee.db'}")
        with world.store() as store:
            store.migrate()
            store.run_sync(_furnish)
            world.page_answer = store.run_sync(_answer_on_the_page)
        yield world


def _furnish(unit: Unit) -> None:
    lesson = Lesson(
        id=LessonId(new_id()), fact=FactId("trial"), question=KNOWN, answer="Thirty days.", author="cli:operator",
        author_name="", source=LessonSource.TAUGHT, taught_at=utc_now(),
    )  # fmt: skip
    unit.lessons.add(lesson)
    unit.lessons.add_phrasing(Phrasing(fact=lesson.fact, text=KNOWN, origin=lesson.id))
    unit.documents.replace(HELP.source, new_id(), [HELP])


def _answer_on_the_page(unit: Unit) -> AnswerId:
    answer = Answer(kind=AnswerKind.GROUNDED, question="What?", text="That.", confidence=1.0, latency_ms=0.0)
    unit.answers.add(answer, place_of(UUID(CONVERSATION_ID)), person_as("customer"))
    return answer.id
