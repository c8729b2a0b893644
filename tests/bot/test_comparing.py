"""Both adapters are asked silently what people settle while one of them is on trial."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from bot import comparing as comparing_module
from bot.answers import Answer, AnswerKind
from bot.erasure import Acquaintance
from bot.errors import EngineFailed
from bot.events import ReplyMarked
from bot.generation import Generation
from bot.ids import AdapterId, EventId
from bot.lineage import Deployment, Move
from bot.policy import Policy
from bot.ports import Unit
from bot.prompting import Message
from bot.trial import Outcome, Pair
from bot.trying import standing_of, trial_of
from storage.tables import ComparisonRow
from storage.unit_of_work import SqlUnit
from tests.bot.events import AGENT, CUSTOMER, NOW, correction, message
from tests.bot.test_trying import PRICES, SHARE, ask, begin, keep, now, said
from tests.fakes.connector import FakeConnector
from tests.fakes.generator import FakeGenerator
from tests.house import STAFF, House, open_house

V1, V2 = AdapterId("v1"), AdapterId("v2")
RIGHT = "A lamp costs 12 euros."
WRONG = "Delivery takes three days."


@dataclass
class Split(FakeGenerator):
    """Each adapter says its own."""

    says: dict[AdapterId | None, str] = field(default_factory=dict)
    asked_of: list[AdapterId | None] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is asked what nobody will see."""
    go_on: asyncio.Event | None = None
    """Where there is one, that waits for it."""

    async def generate(self, messages: Sequence[Message], *given: Any, **named: Any) -> Generation:
        if "on_text" not in named:
            self.begun.set()
            if self.go_on is not None:
                await self.go_on.wait()
        prefer = named.get("prefer")
        writer = prefer if prefer in self.ready else self.adapter
        self.asked_of.append(writer)
        self.replies = [self.says.get(writer, PRICES)]
        return await super().generate(messages, *given, **named)


@pytest.fixture
async def house(tmp_path: Path, chat: FakeConnector, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """With v1 live, and v2 on trial."""
    monkeypatch.setattr("tests.house.FakeGenerator", Split)
    policy = Policy(staff=STAFF, canary_share=SHARE, trust_from=0)
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as opened:
        await opened.add_section("Prices", "Lamps", PRICES)
        for adapter in (keep(opened, 1), keep(opened, 2)):
            await opened.store.run(lambda unit, adapter=adapter: unit.adapters.add(adapter))  # type: ignore[misc]
        promoted = Deployment(Move.PROMOTE, V1, "x", now())
        await opened.store.run(lambda unit: unit.adapters.deploy(promoted))
        opened.generator.adapter, opened.generator.ready = V1, frozenset({V2})
        await begin(opened)
        yield opened


def split(house: House) -> Split:
    assert isinstance(house.generator, Split)
    return house.generator


async def ask_until(house: House, chat: FakeConnector, writer: AdapterId) -> Answer:
    while (answer := await ask(house, chat)).adapter != writer:
        pass
    return answer


async def mend(house: House, answer: Answer, text: str = RIGHT) -> None:
    await house.desk.receive(correction(answer.id, answer.question, text))
    await house.settle()


async def look(house: House) -> None:
    await house.bot.comparing.look()


async def pairs(house: House) -> Counter[Pair]:
    standing = await house.store.run(standing_of)
    assert standing is not None
    return standing.pairs


async def test_a_corrected_answer_is_asked_of_both_and_counted_once(house: House, chat: FakeConnector) -> None:
    split(house).says = {V1: RIGHT, V2: WRONG}
    answer = await ask_until(house, chat, V2)
    before, posted = len(split(house).prompts), len(chat.posted)
    await mend(house, answer)
    await look(house)
    await look(house)
    assert split(house).asked_of[before:] == [V2, V1]
    assert await pairs(house) == {Pair(Outcome.OLD, by_new=True): 1}
    assert len(chat.posted) == posted + 1, "the receipt, and nothing else"


async def test_they_are_asked_what_was_asked_with_what_had_been_read_and_never_the_lesson(
    house: House, chat: FakeConnector
) -> None:
    answer = await ask_until(house, chat, V2)
    before = split(house).prompts[-1]
    await mend(house, answer, "A lamp costs 12 euros, as the catalogue says.")
    await look(house)
    assert split(house).prompts[-2:] == [before, before]


async def test_a_hand_off_that_was_solved_is_asked_of_both(house: House, chat: FakeConnector) -> None:
    split(house).says = {V1: "It costs 99 euros.", V2: "It costs 99 euros."}
    answer = await ask(house, chat)
    assert answer.kind is AnswerKind.HANDOFF
    split(house).says = {V1: WRONG, V2: RIGHT}
    reply = message(RIGHT, AGENT, place=chat.answers[-1].place, mentions=False)
    marked = EventId(f"{reply.id}:marked")
    for event in (
        reply,
        ReplyMarked(id=marked, place=reply.place, person=AGENT, at=NOW, reply=reply.message, text=RIGHT, by_bot=False),
    ):
        await house.desk.receive(event)
        await house.settle()
    await look(house)
    assert await pairs(house) == {Pair(Outcome.NEW, by_new=answer.adapter == V2): 1}


@pytest.mark.parametrize(
    ("says", "outcome"),
    [({V1: RIGHT, V2: RIGHT}, Outcome.BOTH), ({V1: WRONG, V2: WRONG}, Outcome.NEITHER),
     ({V1: WRONG, V2: "It costs 13 euros."}, Outcome.NEITHER)],
)  # fmt: skip
async def test_how_both_come_out(
    house: House, chat: FakeConnector, says: dict[AdapterId | None, str], outcome: Outcome
) -> None:
    answer = await ask_until(house, chat, V1)
    await mend(house, answer)
    split(house).says = says
    await look(house)
    assert await pairs(house) == {Pair(outcome, by_new=False): 1}


async def test_what_the_texts_lack_is_asked_of_nobody(house: House, chat: FakeConnector) -> None:
    answer = await ask_until(house, chat, V2)
    before = len(split(house).prompts)
    await mend(house, answer, "It costs 15 euros since May.")
    await look(house)
    assert len(split(house).prompts) == before
    assert await pairs(house) == {Pair(Outcome.UNSAID, by_new=True): 1}


async def test_a_page_that_has_changed_since_is_asked_of_nobody(house: House, chat: FakeConnector) -> None:
    answer = await ask_until(house, chat, V2)
    (section,) = await house.store.run(lambda unit: unit.documents.sections())
    changed = replace(section, text=f"{PRICES} Returns are free.")
    await house.store.run(lambda unit: unit.documents.replace(section.source, "changed", [changed]))
    await mend(house, answer)
    await look(house)
    assert await pairs(house) == {Pair(Outcome.UNSAID, by_new=True): 1}


async def test_what_was_said_before_the_trial_is_no_part_of_it(house: House, chat: FakeConnector) -> None:
    await said(house, chat, "promote v1")  # ends it
    answer = await ask(house, chat)
    await begin(house)
    await mend(house, answer)
    await look(house)
    assert await pairs(house) == {}


async def test_after_the_trial_nobody_is_asked(house: House, chat: FakeConnector) -> None:
    answer = await ask_until(house, chat, V2)
    await mend(house, answer)
    await said(house, chat, "rollback")
    before = len(split(house).prompts)
    await look(house)
    assert len(split(house).prompts) == before


async def test_a_lesson_that_is_taken_back_counts_no_more(house: House, chat: FakeConnector) -> None:
    split(house).says = {V1: RIGHT, V2: WRONG}
    answer = await ask_until(house, chat, V2)
    await mend(house, answer)
    await look(house)
    (lesson,) = await house.store.run(lambda unit: unit.lessons.about(answer.id))
    await house.store.run(lambda unit: unit.lessons.withdraw(lesson.id, now()))
    assert await pairs(house) == {}


async def test_what_is_kept_of_it_goes_with_whoever_asked(house: House, chat: FakeConnector) -> None:
    answer = await ask_until(house, chat, V2)
    await mend(house, answer)
    await look(house)
    assert await house.store.run(rows) == 1
    who = Acquaintance(CUSTOMER.key, frozenset({CUSTOMER.name}))
    await house.store.run(lambda unit: unit.persons.erase(who, with_lessons=False))
    assert await house.store.run(rows) == 0


def rows(unit: Unit) -> int:
    assert isinstance(unit, SqlUnit)
    return len(unit.session.exec(select(ComparisonRow)).all())


async def test_where_one_of_them_can_not_be_asked_it_is_tried_thrice_and_dropped(
    house: House, chat: FakeConnector
) -> None:
    answer = await ask_until(house, chat, V2)
    await mend(house, answer)
    split(house).failure = EngineFailed("It broke.")
    await look(house)
    split(house).failure, split(house).ready = None, frozenset()
    await look(house)
    await look(house)
    assert await pairs(house) == {}
    split(house).ready = frozenset({V2})
    await look(house)
    assert await pairs(house) == {Pair(Outcome.DROPPED, by_new=True): 1}


async def test_what_a_dead_process_left_is_asked_again_and_two_that_ask_count_it_once(
    house: House, chat: FakeConnector
) -> None:
    split(house).says = {V1: RIGHT, V2: RIGHT}
    answer = await ask_until(house, chat, V2)
    await mend(house, answer)
    split(house).go_on = asyncio.Event()
    looking = asyncio.create_task(look(house))
    await split(house).begun.wait()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert await pairs(house) == {}
    split(house).go_on = None
    await asyncio.gather(look(house), look(house))
    assert await pairs(house) == {Pair(Outcome.BOTH, by_new=True): 1}


async def test_of_what_piles_up_the_oldest_is_dropped(
    house: House, chat: FakeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing_module, "MOST_WAITING", 2)
    split(house).says = {V1: RIGHT, V2: RIGHT}
    answers = [await ask_until(house, chat, V2) for _ in range(3)]
    for answer in answers:
        await mend(house, answer)
    await look(house)
    assert await pairs(house) == {Pair(Outcome.DROPPED, by_new=True): 1, Pair(Outcome.BOTH, by_new=True): 2}


async def test_it_gives_way_to_a_question(house: House, chat: FakeConnector) -> None:
    split(house).says = {V1: RIGHT, V2: RIGHT}
    answer = await ask_until(house, chat, V2)
    await mend(house, answer)
    split(house).go_on = asyncio.Event()
    looking = asyncio.create_task(look(house))
    await split(house).begun.wait()
    await house.desk.receive(message("What does delivery of a lamp take, three days?"))
    await house.settle()
    assert chat.answers[-1].answer.kind is AnswerKind.GROUNDED, "it did not wait"
    assert not looking.done()
    split(house).go_on.set()  # type: ignore[union-attr]
    await looking
    assert (await pairs(house)).total() == 1


async def test_a_worse_one_is_rolled_back_for_what_people_settled_and_the_score_is_told(
    house: House, chat: FakeConnector
) -> None:
    """It forgot what the present one says; nobody complains but by mending it."""
    split(house).says = {V1: RIGHT, V2: WRONG}
    answers = [await ask_until(house, chat, V2) for _ in range(14)]
    for answer in answers:
        await mend(house, answer)
        await look(house)
        assert await house.store.run(trial_of) is not None
    told = await said(house, chat, "adapters")
    assert (
        "of 14 questions, both were right about 0, neither about 0, v2 alone about 0, the other alone about 14" in told
    )
    await house.bot.watching.look()
    assert await house.store.run(trial_of) is None
    history = await house.store.run(lambda unit: unit.adapters.history())
    assert (history[-1].move, history[-1].adapter) == (Move.ROLLBACK, V1)
    assert "the other alone about 14" in history[-1].reason
