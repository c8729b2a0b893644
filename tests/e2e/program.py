"""The installed program `mentee` as processes of its own, with a folder of their own."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from bot.answers import Answer
from bot.events import Event
from bot.ids import AnswerId
from connectors.web.visitor import CONVERSATION
from storage.database import SqlStore
from tests.connectors.web.conftest import free_port, next_event
from tests.e2e.waiting import PATIENCE_S, eventually, until
from tests.learning.model_cache import CACHE

PROGRAM = Path(sys.executable).with_name("mentee")


@dataclass(frozen=True)
class Installation:
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = (str(PROGRAM),)

    @property
    def environment(self) -> dict[str, str]:
        ours = {"MENTEE_DATA_DIR": str(self.folder / "data"), "MENTEE_CACHE_DIR": str(CACHE), **self.settings}
        return {**os.environ, **ours}

    async def mentee(self, *words: str, fails: bool = False) -> dict[str, Any]:
        """Give a command; what it printed."""
        process = await asyncio.create_subprocess_exec(
            *self.program, *words, "--json", env=self.environment, cwd=self.folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, said = await process.communicate()
        assert process.returncode == int(fails), said.decode() or printed.decode()
        told: dict[str, Any] = json.loads(printed)
        return told

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Running"]:
        """`mentee run`, once it serves the page. It ends with the block, if it hasn't before."""
        port = free_port()
        log = self.folder / f"log-{port}.jsonl"
        environment = {**self.environment, "MENTEE_WEB_PORT": str(port), "MENTEE_LOG_JSON": "true"}
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *self.program, "run", env=environment, cwd=self.folder, stdout=asyncio.subprocess.DEVNULL, stderr=stderr
            )
        address = f"http://127.0.0.1:{port}"
        try:
            async with httpx.AsyncClient(
                base_url=address, headers={"origin": address}, cookies={CONVERSATION: str(CONVERSATION_ID)}
            ) as browser:
                run = Running(process, browser, log)
                await run.until_it_serves()
                yield run
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[SqlStore]:
        """The database as another process sees it."""
        store = SqlStore(f"sqlite:///{self.folder / 'data' / 'mentee.db'}")
        try:
            yield store
        finally:
            store.close()

    async def pending(self) -> list[Event]:
        async with self.database() as store:
            return list(await store.run(lambda unit: unit.inbox.pending()))

    async def answer(self, id: str) -> Answer:
        async with self.database() as store:
            posted = await store.run(lambda unit: unit.answers.get(AnswerId(id)))
        assert posted is not None
        return posted.answer


CONVERSATION_ID = uuid4()


@dataclass
class Running:
    process: asyncio.subprocess.Process
    browser: httpx.AsyncClient
    log: Path

    async def until_it_serves(self) -> None:
        async def healthy() -> bool:
            assert self.process.returncode is None, self.log.read_text()
            try:
                return (await self.browser.get("/healthz")).is_success
            except httpx.TransportError:
                return False

        await eventually(healthy, "the page")

    async def send(self, question: str, *, id: str | None = None) -> bool:
        """Send a question. Returns once it was accepted; False when it was known already."""
        body = {"id": id or str(uuid4()), "conversation": str(CONVERSATION_ID), "text": question}
        accepted = await self.browser.post("/messages", json=body)
        assert accepted.status_code == 202, accepted.text
        is_new: bool = accepted.json()["new"]
        return is_new

    async def answers(self, count: int) -> list[str]:
        """The ids of the answers that the conversation shows, once there are so many."""

        async def enough() -> list[str] | None:
            shown = re.findall(r'data-answer="([^"]+)"', (await self.browser.get("/")).text)
            return shown if len(shown) >= count else None

        return await eventually(enough, f"{count} answers")

    async def until_it_writes(self, question: str, *, id: str) -> None:
        """Send a question, and return as soon as the page shows that its answer is being written."""
        async with asyncio.timeout(PATIENCE_S), self.browser.stream("GET", f"/events/{CONVERSATION_ID}") as stream:
            lines = stream.aiter_lines()
            await self.send(question, id=id)
            while (await next_event(lines))[0] != "draft":
                pass

    async def until_it_serves_adapter(self, adapter: str | None) -> None:
        """Wait until its log says that the engine has swapped to it."""

        def swapped() -> bool:
            said = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
            return [entry["adapter"] for entry in said if entry["event"] == "adapter serving"][-1:] == [adapter]

        await until(swapped, f"the swap to {adapter}")

    async def kill(self) -> None:
        """As a machine that loses its power."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """As a machine that is shut down. It ends without an error, and long before a container is killed."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            code = await self.process.wait()
        said = self.log.read_text()
        assert (code, "Traceback" in said) == (0, False), said
