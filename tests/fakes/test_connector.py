"""The connector of the tests keeps to the contract of connectors, as far as it can: it has nobody to call."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from bot.errors import DeliveryFailed
from bot.events import MessageRef, Place
from bot.ids import EventId
from bot.outgoing import AnswerEdit, AnswerPost, CorrectionOffer, Notice, Offer, ProgressPost
from bot.people import Person
from tests.bot.events import CUSTOMER, NOW, THREAD, message
from tests.contracts.connector_contract import OnceContract, RemoteContract
from tests.fakes.archive import FakeArchive
from tests.fakes.connector import FakeConnector


@dataclass
class FakeStand:
    """Reads what it was told to post as people would see it, each id once."""

    connector: FakeConnector = field(default_factory=lambda: FakeConnector(archive=FakeArchive()))
    place: Place = THREAD
    person: Person = CUSTOMER
    now: datetime = NOW
    gone: set[str] = field(default_factory=set)

    async def seen(self) -> Sequence[str]:
        standing: dict[str, str] = {}
        for each in self.connector.posted:
            match each:
                case AnswerPost():
                    standing[each.id] = each.answer.text
                case AnswerEdit() if each.message is not None:
                    standing[each.message.id] = each.answer.text
                case ProgressPost() | Notice(to=None):
                    standing[each.id] = each.text
        standing |= {message.id: text for message, text in self.connector.updates if message.id in standing}
        return [standing[each] for each in standing if each not in self.gone]

    async def whispered(self) -> Sequence[str]:
        posted = self.connector.posted
        return [each.text for each in posted if isinstance(each, Notice | Offer | CorrectionOffer) and each.to]

    async def asks_in_private(self) -> EventId:
        return EventId("slack:1")

    async def delete(self, message: MessageRef) -> None:
        self.gone.add(message.id)

    async def restart(self) -> None:
        """What stands on the platform is what was posted: the same fake stands for it."""

    async def say(self, text: str) -> MessageRef:
        archive = self.connector.archive
        assert isinstance(archive, FakeArchive)
        floor = Place(THREAD.platform, THREAD.workspace, THREAD.channel)
        said = message(text, CUSTOMER, floor)
        archive.places.append(floor)
        archive.said.append(said)
        return said.message

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[float | None]:
        self.connector.failures.append(DeliveryFailed("Slower, please.", 17.0))
        yield 17.0

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        self.connector.failures += [DeliveryFailed("Nobody is there.")] * 4
        yield
        self.connector.failures.clear()


class TestFake(RemoteContract, OnceContract):
    @pytest.fixture
    def stand(self) -> FakeStand:
        return FakeStand()
