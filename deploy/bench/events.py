"""The whole way of an event through the real parts: inbox, routing, memory, outbox, delivery to a connector here.

`known_answers`: from an event to its known answer. `acknowledgement`: how long a connector waits until an event is on
disk, while something of training's priority uses every core. Both with the demo product's knowledge.
"""

import asyncio
import contextlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from pathlib import Path

from bot.answers import AnswerKind
from bot.desk import Desk
from bot.events import MessagePosted, MessageRef, Place
from bot.ids import EventId, new_id
from bot.outgoing import AnswerDraft, AnswerPost, Outgoing
from bot.people import Person, Platform
from deploy.bench.report import OURS, Bench, Row, percentile
from deploy.parts import Models, open_kept, open_models
from deploy.serve import load_demo
from deploy.settings import Settings
from deploy.wiring import put_together, utc_now
from learning.priority import give_way

QUESTIONS = 200
EVENTS_PER_S = 50
SECONDS = 20
PATIENCE_S = 60.0
ASKER = Person(Platform.SLACK, "U1")


@dataclass
class Loopback:
    """A connector whose platform is this process: says when an answer was delivered."""

    platform: Platform = Platform.SLACK
    archive: None = None
    waiting: dict[str, asyncio.Future[AnswerPost]] = field(default_factory=dict)
    """By the channel that the answer is for."""

    async def run(self) -> None:
        """Nothing is received from outside."""

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        if isinstance(outgoing, AnswerPost) and outgoing.place.channel in self.waiting:
            self.waiting.pop(outgoing.place.channel).set_result(outgoing)
        place = outgoing.place
        return MessageRef(place.platform, place.workspace, place.channel, outgoing.id)

    async def update(self, message: MessageRef, text: str) -> None:
        """Progress is not measured."""

    async def draft(self, draft: AnswerDraft) -> None:
        """Nor are drafts."""


def known_answers(bench: Bench, settings: Settings) -> None:
    """Add known_p50_ms and known_p99_ms: from the event to the delivered answer, one question at a time."""
    times = asyncio.run(_with_bot(settings, _ask_known))
    bench.add(Row("known answer, event to reply", OURS, "ms", tuple(times), note=f"p99 {percentile(times, 99):.0f}"))
    bench.figure("known_p50_ms", percentile(times, 50))
    bench.figure("known_p99_ms", percentile(times, 99))


def acknowledgement(bench: Bench, settings: Settings) -> None:
    """Add acknowledged_p99_ms: from the event to its commit, 50 events a second, every core busy as in training."""
    with _busy_cores():
        times = asyncio.run(_with_bot(settings, _receive_at_pace))
    row = Row(f"acknowledgement, {EVENTS_PER_S} events/s beside training", OURS, "ms", tuple(times))
    bench.add(row)
    bench.figure("acknowledged_p50_ms", row.median)
    bench.figure("acknowledged_p99_ms", percentile(times, 99))


async def _ask_known(desk: Desk, loopback: Loopback, known: list[str]) -> list[float]:
    """Every known question in turn, each in a conversation of its own."""
    await _ask(desk, loopback, known[0])  # loads what is loaded on first use
    return [await _ask(desk, loopback, known[number % len(known)]) for number in range(QUESTIONS)]


async def _ask(desk: Desk, loopback: Loopback, question: str) -> float:
    event = _event(question, mentions_bot=True)
    answered = loopback.waiting[event.place.channel] = asyncio.get_running_loop().create_future()
    began = time.perf_counter()
    await desk.receive(event)
    post = await asyncio.wait_for(answered, PATIENCE_S)
    took = (time.perf_counter() - began) * 1e3
    if post.answer.kind is not AnswerKind.KNOWN:
        raise AssertionError(f"{question!r} was answered as {post.answer.kind}, though it is in the FAQ")
    return took


async def _receive_at_pace(desk: Desk, loopback: Loopback, known: list[str]) -> list[float]:
    """One in five events is a known question, the others are what people say to each other."""
    began = time.perf_counter()
    receiving = []
    for number in range(EVENTS_PER_S * SECONDS):
        await asyncio.sleep(began + number / EVENTS_PER_S - time.perf_counter())
        is_question = number % 5 == 0
        event = _event(known[number % len(known)] if is_question else "Thanks!", mentions_bot=is_question)
        receiving.append(asyncio.create_task(_acknowledged(desk, event)))
    return list(await asyncio.gather(*receiving))


async def _acknowledged(desk: Desk, event: MessagePosted) -> float:
    began = time.perf_counter()
    await desk.receive(event)
    return (time.perf_counter() - began) * 1e3


def _event(text: str, *, mentions_bot: bool) -> MessagePosted:
    channel = new_id()
    return MessagePosted(
        id=EventId(new_id()), place=Place(Platform.SLACK, "T1", channel, thread="1"), person=ASKER, at=utc_now(),
        text=text, message=MessageRef(Platform.SLACK, "T1", channel, "1"), mentions_bot=mentions_bot,
        opens_thread=True,
    )  # fmt: skip


async def _with_bot(
    settings: Settings, measure: Callable[[Desk, Loopback, list[str]], Awaitable[list[float]]]
) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        own = {"data_dir": Path(folder), "database_url": None, "asks_a_minute": 0}  # all questions are one person's
        async with _bot(settings.model_copy(update=own)) as parts:
            return await measure(*parts)


@asynccontextmanager
async def _bot(settings: Settings) -> AsyncIterator[tuple[Desk, Loopback, list[str]]]:
    """A bot that knows the demo product, and the questions that it knows."""
    with open_kept(settings) as kept, open_models(kept) as models:
        await load_demo(kept)
        loopback = Loopback()
        bot = put_together(models.parts, lambda _: [loopback])
        await models.memory.refresh()
        delivering = asyncio.create_task(bot.delivery.run())
        questions = [lesson.question for lesson in await bot.desk.lessons()]
        try:
            yield bot.desk, loopback, [each for each in questions if await _is_known(each, models, settings)]
        finally:
            await bot.intake.idle()
            delivering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await delivering


async def _is_known(question: str, models: Models, settings: Settings) -> bool:
    found = await models.memory.search(question)
    return found.facts[0].probability >= settings.known_from


@contextmanager
def _busy_cores() -> Iterator[None]:
    """Matrix products on every core, in sessions of their own and with the training process's priority."""
    spawning, cores = multiprocessing.get_context("spawn"), len(os.sched_getaffinity(0))
    begun = spawning.Barrier(cores + 1)
    processes = [spawning.Process(target=_multiply, args=(begun,), daemon=True) for _ in range(cores)]
    for process in processes:
        process.start()
    try:
        begun.wait(PATIENCE_S)
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _multiply(begun: Barrier) -> None:
    import torch

    os.setsid()
    give_way()
    torch.set_num_threads(1)
    matrix = torch.rand(1024, 1024)
    begun.wait()
    while True:
        matrix @ matrix
