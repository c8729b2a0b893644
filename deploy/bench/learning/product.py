"""The product under test: a whole bot over a folder of its own, asked and taught by simulated people.

Everything goes the product's own way: an event is received, worked off and delivered to a connector here. Knows
nothing of what is measured.
"""

import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from bot.access import Staff
from bot.answers import AnswerKind, Candidate
from bot.buttons import Act
from bot.events import (
    ButtonPressed,
    CandidateChosen,
    CorrectionSubmitted,
    Event,
    MessagePosted,
    MessageRef,
    Place,
    Reacted,
)
from bot.ids import EventId, FactId, SectionId, new_id
from bot.outgoing import AnswerDraft, AnswerPost, Offer, Outgoing
from bot.people import Person, Platform
from bot.policy import Policy
from bot.ports import Unit
from bot.retrieval import Section
from deploy.bench.learning.bank import Bank
from deploy.parts import Kept, Models, open_kept, open_models
from deploy.settings import Settings
from deploy.wiring import Bot, put_together, utc_now
from learning.examples import LEANS_ON_SECTION
from learning.wording import share_within

AGENTS = "agents"
ASKER = Person(Platform.SLACK, "U-asker", "Asker")
NOTHING = ("", 0.0)
BETWEEN_QUESTIONS = timedelta(minutes=10)
"""By the clock of those who ask and teach."""


def agent(name: str) -> Person:
    return Person(Platform.SLACK, f"U-{name}", name, groups=frozenset({AGENTS}))


@dataclass(frozen=True)
class Reply:
    """What a question came to, after the asker chose from what the bot asked back."""

    text: str
    is_answered: bool
    """False when it was handed off."""
    asked_back: bool = False
    likeliest: str = ""
    """The likeliest known answer at first, whether it was served or not."""
    confidence: float | None = 0.0
    """Probability of the likeliest; None where nothing is said of it."""
    post: AnswerPost | None = None
    question: str = ""


@dataclass
class Product:
    """Implements `deploy.bench.learning.rivals.System`."""

    bank: Bank
    bot: Bot
    models: Models
    kept: Kept
    chat: "Chat"
    sections: Mapping[SectionId, Section]
    at_once: int = 1
    now: datetime = field(default_factory=utc_now)

    async def ask(self, question: str, meant: set[str]) -> Reply:
        """Ask. Of several candidates the asker chooses one that is a way of asking for what is meant, else a help page
        that has its answer, else none."""
        found = await self.models.parts.knowledge.search(question)
        best = (found.facts[0].fact.lesson.answer, found.facts[0].probability) if found.facts else NOTHING
        self.now += BETWEEN_QUESTIONS
        post = await self._answered(_message(question, self.now))
        asked_back = bool(post.answer.candidates)
        while post.answer.candidates:  # without what the bot knows, it may ask about help pages
            chosen = self._fitting(post.answer.candidates, meant)
            choice = CandidateChosen(
                id=EventId(new_id()), place=post.place, person=ASKER, at=self.now, answer=post.answer.id,
                fact=chosen.fact if chosen is not None else None,
                section=chosen.section if chosen is not None else None,
            )  # fmt: skip
            post = await self._answered(choice)
        is_answered = post.answer.kind in (AnswerKind.KNOWN, AnswerKind.GROUNDED)
        return Reply(post.answer.text, is_answered, asked_back, *best, post, question)

    def _fitting(self, candidates: Sequence[Candidate], meant: set[str]) -> Candidate | None:
        known = [each for each in candidates if each.fact and self.bank.meant_by(each.question) & meant]
        pages = [each for each in candidates if each.section and self._answers(self.sections[each.section], meant)]
        return next(iter((*known, *pages)), None)

    def _answers(self, page: Section, meant: set[str]) -> bool:
        right = [fact.now.answer for fact in self.bank.facts if fact.id in meant]
        return any(share_within(answer, page.text) >= LEANS_ON_SECTION for answer in right)

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        """Send the form; of what was right before a change, say so where the bot has taken it for something else."""
        assert reply.post is not None
        self.chat.offers.clear()
        await self._send(
            CorrectionSubmitted(
                id=EventId(new_id()), place=reply.post.place, person=teacher, at=self.now,
                answer=reply.post.answer.id, question=reply.post.answer.question, text=answer,
            )
        )  # fmt: skip

        changed = any(
            fact.later is not None and (fact.now.answer, fact.later.answer) == (reply.text, answer)
            for fact in self.bank.facts
        )
        for button in (button for offer in self.chat.offers for button in offer.buttons if changed):
            await self._send(
                ButtonPressed(
                    id=EventId(new_id()), place=reply.post.place, person=teacher, at=self.now, act=button.act,
                    about=button.about,
                )
            )  # fmt: skip

    async def react(self, reply: Reply, emoji: str, person: Person) -> None:
        assert reply.post is not None
        place = reply.post.place
        message = MessageRef(place.platform, place.workspace, place.channel, reply.post.id)
        await self._send(
            Reacted(
                id=EventId(new_id()), place=place, person=person, at=self.now, message=message, emoji=emoji, added=True
            )
        )

    async def _answered(self, event: Event) -> AnswerPost:
        await self._send(event)
        return self.chat.answers[-1]

    async def _send(self, event: Event) -> None:
        await self.bot.desk.receive(event)
        await self.bot.intake.idle()
        await self.bot.delivery.sweep()


def _message(text: str, at: datetime) -> MessagePosted:
    place = Place(Platform.SLACK, "T1", new_id(), thread="1")
    return MessagePosted(
        id=EventId(new_id()), place=place, person=ASKER, at=at, text=text,
        message=MessageRef(place.platform, place.workspace, place.channel, "1"), mentions_bot=True, opens_thread=True,
    )  # fmt: skip


@contextmanager
def open_product(
    bank: Bank, sections: Sequence[Section], settings: Settings, folder: Path, policy: Policy, seed: int
) -> Iterator[Product]:
    """A bot that knows the help sections and nothing else. Every open one holds the models once more.

    By the seed it names the facts that it is taught: which of them training keeps to judge by follows from that.
    """
    own = settings.model_copy(update={"data_dir": folder, "database_url": None, "canary_share": 0.0})
    with open_kept(own) as kept, open_models(kept) as models:
        chat = Chat()
        chosen = replace(policy, staff=Staff(agents=frozenset({AGENTS})), asks_a_minute=0)
        parts = replace(models.parts, policy=chosen, new_fact=_names(seed))
        bot = put_together(parts, lambda _: [chat])
        for source in {section.source for section in sections}:
            own_sections = [section for section in sections if section.source == source]
            kept.store.run_sync(partial(_load, source=source, sections=own_sections))
        yield Product(bank, bot, models, kept, chat, {section.id: section for section in sections})


def _names(seed: int) -> Callable[[], FactId]:
    chance = random.Random(seed)
    return lambda: FactId(str(uuid.UUID(int=chance.getrandbits(128))))


def _load(unit: Unit, source: str, sections: Sequence[Section]) -> None:
    unit.documents.replace(source, source, sections)


@dataclass
class Chat:
    """A connector whose platform is this process."""

    platform: Platform = Platform.SLACK
    archive: None = None
    answers: list[AnswerPost] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    """To say that what was corrected has changed."""

    async def run(self) -> None:
        """Nothing is received from outside."""

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        if isinstance(outgoing, AnswerPost):
            self.answers.append(outgoing)
        if isinstance(outgoing, Offer) and any(button.act is Act.REPLACE for button in outgoing.buttons):
            self.offers.append(outgoing)
        place = outgoing.place
        return MessageRef(place.platform, place.workspace, place.channel, outgoing.id)

    async def update(self, message: MessageRef, text: str) -> None:
        """Nobody looks at progress."""

    async def draft(self, draft: AnswerDraft) -> None:
        """Nor at drafts."""
