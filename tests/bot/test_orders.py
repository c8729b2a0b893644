"""Whatever order events come in, and however often: what is kept is what a plain model of dictionaries says.

hypothesis writes the stories: people ask, react, edit and delete; what they did arrives at once, later than what was
done after it, again, or beside other conversations. `tests/chaos/orders.py` tells longer ones by chance.
"""

import asyncio
import tempfile
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.events import Event, MessageDeleted, MessageEdited, MessagePosted, MessageRef, Place, Reacted
from bot.feedback import Gesture, LessonSource
from bot.following import EDITABLE_FOR
from bot.ids import EventId, new_id
from bot.outgoing import AnswerEdit, AnswerPost, Outgoing
from bot.people import Person, Platform
from bot.policy import Policy
from bot.ports import Unit
from tests.bot.events import AGENT, CUSTOMER, NOW, message
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, open_house

T = TypeVar("T")

BEN = Person(Platform.SLACK, "U-ben", "Ben", groups=frozenset({"agents"}))
PEOPLE = [AGENT, BEN, CUSTOMER]
EMOJI = {"white_check_mark": Gesture.APPROVE, "x": Gesture.REJECT, "pencil2": None}
"""What is rated with each. A pencil opens a form."""
HELP = {
    "Which plan has single sign-on?": "Single sign-on comes with the Forest plan.",
    "Are audit logs included?": "Audit logs have come with every plan since spring.",
    "How do I export invoices?": "Export invoices under Billing.",
    "Where do I import contacts?": "Import contacts from the address book.",
    "Can I rename my workspace?": "Rename a workspace in the settings of its owner.",
    "Can I merge two accounts?": "Merge accounts by writing to the desk.",
}
TEXTS = list(HELP)
QUESTIONS = 2
BEFORE_DELETING = 6
"""Events: what is gone has no further story."""
NUMBERS = st.integers(0, 9)
EMOJI_OF_PEOPLE = st.sampled_from([*EMOJI, "white_check_mark"])
AFTER = st.sampled_from([timedelta(minutes=1), EDITABLE_FOR, EDITABLE_FOR * 2])
SOONER = st.sampled_from([True, True, False])
Given = tuple[str, Gesture]


@dataclass
class Case:
    """One question, as it should stand in the database."""

    question: str
    is_gone: bool = False
    is_taught: bool = False
    ratings: set[Given] = field(default_factory=set)
    lessons: set[str] = field(default_factory=set)
    """Whose ✅ stands as a lesson."""
    answered_anew: list[datetime] = field(default_factory=list, compare=False)

    def was_rewritten(self, before: Reacted, now: Reacted) -> bool:
        """The reaction is to another text, though nobody has heard that it was taken away in between."""
        return now.added and any(before.at <= at < now.at for at in self.answered_anew)


@dataclass
class Model:
    """What the events mean, in the order in which each arrives first."""

    cases: dict[MessageRef, Case] = field(default_factory=dict)
    """By the message that asked."""
    answers: dict[MessageRef, MessageRef] = field(default_factory=dict)
    """Message of an answer → message that asked."""
    arrived: set[EventId] = field(default_factory=set)
    heard: dict[tuple[MessageRef, Person, str], Reacted] = field(default_factory=dict)
    """The last that was heard of a reaction."""
    edits: dict[MessageRef, MessageEdited] = field(default_factory=dict)
    """The newest of each message, which may not have arrived yet."""
    gone: set[MessageRef] = field(default_factory=set)

    def take(self, event: Event) -> bool:
        """Note what it means; whether it is news."""
        is_news = event.id not in self.arrived
        self.arrived.add(event.id)
        match event:
            case Reacted() if is_news:
                key = (event.message, event.person, event.emoji)
                about, last = self.cases[self.answers[event.message]], self.heard.get(key)
                is_news = last is None or last.added is not event.added or about.was_rewritten(last, event)
                if is_news:
                    self.heard[key] = event
                    self._react(about, event)
            case MessagePosted() if is_news and event.message not in self.gone:
                self.cases[event.message] = Case(self.edits.get(event.message, event).text)
            case MessageEdited() if is_news:
                newest = self.edits.setdefault(event.message, event)
                if event.at >= newest.at:
                    self.edits[event.message] = event
                    self._edit(event)
            case MessageDeleted() if is_news:
                self.gone.add(event.message)
                case = self.cases.get(self.answers.get(event.message, event.message))
                if case is not None:
                    case.is_gone = True
                    case.lessons.clear()
        return is_news

    @staticmethod
    def _react(case: Case, event: Reacted) -> None:
        gesture = EMOJI[event.emoji]
        if case.is_gone or gesture is None:
            return
        change = set.add if event.added else set.discard
        change(case.ratings, (event.person.key, gesture))
        if gesture is Gesture.APPROVE and event.person is not CUSTOMER:
            change(case.lessons, event.person.key)
            case.is_taught |= event.added

    def _edit(self, event: MessageEdited) -> None:
        """Nobody rewrites what was taught, is gone, or was read for longer than some minutes."""
        case = self.cases.get(event.message)
        is_late = event.at - event.posted_at > EDITABLE_FOR
        if case is None or case.is_gone or case.is_taught or is_late or event.text == case.question:
            return
        case.question = event.text
        case.answered_anew.append(datetime.now(UTC))
        case.ratings.clear()  # it is another answer from now on


def kept(unit: Unit, asked: MessageRef) -> Case:
    """The same out of the database."""
    posted = unit.answers.to(asked)
    assert posted is not None
    about = unit.lessons.about(posted.answer.id)
    return Case(
        question=posted.answer.question,
        is_gone=posted.retracted,
        is_taught=bool(about),
        ratings={(each.person, each.gesture) for each in unit.ratings.of(posted.answer.id)},
        lessons={
            each.author for each in about if each.source is LessonSource.APPROVAL and each.withdrawn_at is None
        },
    )  # fmt: skip


def shown(posted: Sequence[Outgoing]) -> dict[str, str]:
    """Id of an answer's message → what stands there now."""
    texts: dict[str, str] = {}
    for each in posted:
        if isinstance(each, AnswerPost):
            assert each.id not in texts
            texts[each.id] = each.answer.text
        elif isinstance(each, AnswerEdit) and each.message is not None:
            assert each.message.id in texts
            texts[each.message.id] = each.answer.text
    return texts


class Story(RuleBasedStateMachine):
    events = Bundle("events")
    """What has been done by people, whether or not the bot has heard of it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.folder = tempfile.TemporaryDirectory(prefix="mentee-tests-")
        self.chat, self.model, self.open = FakeConnector(), Model(), AsyncExitStack()
        self.reactions: list[tuple[MessageRef, Person, str]] = []
        policy = Policy(staff=STAFF, trust_from=0, lessons_an_hour=0)
        opening = open_house(Path(self.folder.name), lambda _: [self.chat], policy=policy)
        self.house = self.run(self.open.enter_async_context(opening))
        self.asked = [
            message(TEXTS[number], CUSTOMER, Place(Platform.SLACK, "T1", "C1", f"{number}.1"))
            for number in range(QUESTIONS)
        ]

    def run(self, work: Coroutine[None, None, T]) -> T:
        return self.loop.run(work)

    def teardown(self) -> None:
        self.run(self.open.aclose())
        self.loop.close()
        self.folder.cleanup()

    @initialize(
        target=events, at_once=SOONER, before=st.sampled_from(["nothing", "edit", "deletion"]),
        text=st.sampled_from(TEXTS), after=AFTER,
    )  # fmt: skip
    def people_ask(self, at_once: bool, before: str, text: str, after: timedelta) -> object:
        """Of the first question, an edit or deletion may be heard before it."""
        for help_text in HELP.values():
            self.run(self.house.add_section(help_text, "", help_text))
        if before != "nothing":
            gone = before == "deletion"
            self.it_arrives(_deleted(self.asked[0]) if gone else _edited(self.asked[0], text, after))
        if at_once:
            self.they_arrive_together(self.asked)
        return multiple(*self.asked)

    # --- what people do ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.answers)
    @rule(target=events, number=NUMBERS, person=st.sampled_from(PEOPLE), emoji=EMOJI_OF_PEOPLE, at_once=SOONER)
    def somebody_reacts(self, number: int, person: Person, emoji: str, at_once: bool) -> Event:
        """Or takes the reaction away, where it stands."""
        return self._react(self._answer(number), person, emoji, at_once=at_once)

    @rule(
        target=events, number=NUMBERS, what=st.sampled_from(["takes back"] * 4 + ["edits"] * 3 + ["deletes"] * 2),
        text=st.sampled_from(TEXTS), after=AFTER, at_once=SOONER,
    )  # fmt: skip
    def somebody_thinks_again(self, number: int, what: str, text: str, after: timedelta, at_once: bool) -> Event:
        """One rule, since hypothesis leaves out about half of the rules of each story."""
        posted = self.asked[number % QUESTIONS]
        if what == "takes back" and self.reactions:
            return self._react(*self.reactions[number % len(self.reactions)], at_once=at_once)
        if what == "deletes" and len(self.model.arrived) > BEFORE_DELETING:
            answers = [answer for answer, asked in self.model.answers.items() if asked == posted.message]
            gone = answers[0] if answers and after > EDITABLE_FOR else posted.message
            return self.happens(_deleted(posted, gone), at_once=at_once)
        return self.happens(_edited(posted, text, after), at_once=at_once)

    def _answer(self, number: int) -> MessageRef:
        answers = list(self.model.answers)
        return answers[number % len(answers)]

    def _react(self, on: MessageRef, person: Person, emoji: str, *, at_once: bool) -> Event:
        added = (on, person, emoji) not in self.reactions
        (self.reactions.append if added else self.reactions.remove)((on, person, emoji))
        place = next(each.place for each in self.asked if each.message == self.model.answers[on])
        event = Reacted(
            id=_id(), place=place, person=person, at=datetime.now(UTC), message=on, emoji=emoji, added=added
        )  # fmt: skip
        return self.happens(event, at_once=at_once)

    def happens(self, event: Event, *, at_once: bool) -> Event:
        if at_once:
            self.it_arrives(event)
        return event

    # --- what the bot hears ------------------------------------------------------------------------------------------

    @rule(event=events)
    def it_arrives(self, event: Event) -> None:
        """For the first time, or again: whenever."""
        self.they_arrive_together([event])

    @rule(chosen=st.lists(events, min_size=2, max_size=6))
    def they_arrive_together(self, chosen: Sequence[Event]) -> None:
        """One of each conversation, some of them twice: within one, the order would be theirs."""
        of_each = {event.place: event for event in reversed(chosen)}
        batch = [event for event in chosen if of_each[event.place] is event]
        known, said = {event.id for event in batch} <= self.model.arrived, len(self.chat.posted)
        expected = [self.model.take(event) for event in batch]
        assert self.run(self._receive(batch)) == expected
        assert not known or len(self.chat.posted) == said, "what came again has said something again"

    async def _receive(self, batch: Sequence[Event]) -> list[bool]:
        news = await asyncio.gather(*(self.house.desk.receive(event) for event in batch))
        await self.house.settle()
        asked_in = {event.id: event.message for event in self.asked}
        for each in self.chat.answers:
            assert each.in_reply_to is not None
            where = MessageRef(each.place.platform, each.place.workspace, each.place.channel, each.id)
            self.model.answers.setdefault(where, asked_in[each.in_reply_to])
        return news

    # --- what must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def it_is_kept_as_the_model_says(self) -> None:
        cases = self.model.cases
        assert self.run(self.house.store.run(lambda unit: {asked: kept(unit, asked) for asked in cases})) == cases

    @invariant()
    def each_question_has_one_answer_and_it_says_what_the_question_wants(self) -> None:
        expected = {on.id: HELP[self.model.cases[asked].question] for on, asked in self.model.answers.items()}
        assert shown(self.chat.posted) == expected
        assert len(expected) == len(self.model.cases)


def _id() -> EventId:
    return EventId(f"slack:{new_id()}")


def _edited(posted: MessagePosted, text: str, after: timedelta) -> MessageEdited:
    return MessageEdited(
        id=_id(), place=posted.place, person=CUSTOMER, at=NOW + after, message=posted.message, text=text, posted_at=NOW
    )  # fmt: skip


def _deleted(posted: MessagePosted, gone: MessageRef | None = None) -> MessageDeleted:
    return MessageDeleted(id=_id(), place=posted.place, person=CUSTOMER, at=NOW, message=gone or posted.message)


def tell(stories: int, steps: int) -> None:
    size = settings(
        max_examples=stories, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.reuse, Phase.generate),
    )  # fmt: skip  # nothing is made shorter: that would take minutes
    run_state_machine_as_test(Story, settings=size)


def test_events_in_any_order_and_number_leave_what_a_plain_model_says() -> None:
    tell(stories=18, steps=25)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_long_stories_of_many_events_leave_what_a_plain_model_says() -> None:
    tell(stories=60, steps=40)
