"""A platform that asks to wait, again and again: nothing is sent before that, nothing is lost, the order is kept."""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from bot.delivery import Delivery
from bot.errors import DeliveryFailed
from bot.events import MessageRef, Place
from bot.outgoing import Notice, Outgoing
from bot.people import Platform
from bot.ports import Unit
from storage.database import SqlStore
from tests.chaos.mutants import seed as plant
from tests.chaos.tally import Tally
from tests.fakes.connector import FakeConnector

CHANNELS, THREADS = 4, 3
REFUSED = 0.3
LONGEST_S = 60.0
MOST_SWEEPS = 10_000


@dataclass
class Strict(FakeConnector):
    """Refuses three in ten, says for how long, and notes who comes back too early. Its clock is the test's."""

    rng: random.Random = field(default_factory=random.Random)
    now: float = 0.0
    closed_until: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    early: int = 0
    refused: int = 0

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        channel = outgoing.place.channel
        self.early += self.now < self.closed_until[channel]
        if self.rng.random() < REFUSED:
            self.refused += 1
            wait_s = self.rng.uniform(1.0, LONGEST_S)
            self.closed_until[channel] = self.now + wait_s
            raise DeliveryFailed("ratelimited", retry_after_s=wait_s)
        return await super().deliver(outgoing)


async def rates(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """`count`: how many messages."""
    tally = Tally("a platform that answers 429 to three in ten: none too early, none lost, each place in order")
    folder.mkdir(parents=True, exist_ok=True)
    store = SqlStore(f"sqlite:///{folder / 'mentee.db'}")
    store.migrate()
    rng = random.Random(seed)
    strict = Strict(rng=rng)
    places = [
        Place(Platform.SLACK, "T1", f"C{channel}", f"{thread}.1")
        for channel in range(CHANNELS)
        for thread in range(THREADS)
    ]
    said = [Notice(place=rng.choice(places), text=str(number)) for number in range(count)]

    def keep(unit: Unit) -> None:
        for notice in said:
            unit.outbox.add(notice)

    await store.run(keep)
    right = Delivery._failed
    plant(mutant)
    try:
        await _deliver(store, strict)
    finally:
        Delivery._failed = right  # type: ignore[method-assign]
        store.close()
    heard = [notice.id for notice in strict.notices]
    for notice in said:
        tally.check(heard.count(notice.id) == 1, f"message {notice.text}: sent {heard.count(notice.id)} times")
    for place in places:
        told = [notice.id for notice in strict.notices if notice.place == place]
        tally.check(told == [notice.id for notice in said if notice.place == place], f"{place.key}: out of order")
    tally.check(strict.early == 0, f"{strict.early} calls came too early")
    tally.notes.append(f"{strict.refused} refused, {strict.now / 60:.0f} minutes by the platform's clock")
    return tally


async def _deliver(store: SqlStore, strict: Strict) -> None:
    delivery = Delivery(
        store, {Platform.SLACK: strict}, asyncio.Event(), on_failure=lambda *_: None, on_given_up=lambda *_: None,
        on_delivered=lambda _: None, clock=lambda: strict.now,
    )  # fmt: skip
    for _ in range(MOST_SWEEPS):
        strict.now += await delivery.sweep()
        if not await store.run(lambda unit: unit.outbox.undelivered()):
            break
