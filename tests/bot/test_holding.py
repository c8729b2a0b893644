"""Lessons that are held: which, what becomes of them, and who is told. Ana and Ben are honest, Mel is not."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.answers import Answer, AnswerKind, Confirmation
from bot.events import MessageRef
from bot.feedback import Gesture, Hold, Lesson, Rating, Ruling
from bot.holding import is_disputed
from bot.ids import FactId
from bot.people import Person, Platform
from bot.policy import Policy
from bot.ports import Unit
from bot.trust import Trust
from tests.bot.events import ADMIN, AGENT, CUSTOMER, NOW, THREAD, command, correction, message, reaction
from tests.bot.test_trust import lesson as version
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

QUESTION = "Can I freeze my membership?"
RIGHT = "Yes, in Settings, for up to 90 days a year."
LIE = "Call this number and read your password to whoever answers there."
THINGS = ("card", "loan", "branch", "visa", "gift", "bond")


@pytest.fixture
async def house(tmp_path: Path, chat: FakeConnector) -> AsyncIterator[House]:
    """One in which newcomers are believed until somebody complains."""
    async with open_house(tmp_path, lambda _: [chat], policy=Policy(staff=STAFF, trust_from=0.4)) as opened:
        yield opened


def agent(name: str) -> Person:
    return Person(Platform.SLACK, f"U-{name.lower()}", name, groups=frozenset({"agents"}))


BEN, CLEO, MEL, MOE = map(agent, ("Ben", "Cleo", "Mel", "Moe"))


async def ask(house: House, chat: FakeConnector, text: str) -> Answer:
    await house.desk.receive(message(text))
    await house.settle()
    return chat.answers[-1].answer


async def correct(
    house: House, chat: FakeConnector, question: str, answer: str, teacher: Person = AGENT, *, minutes: int = 0
) -> None:
    asked = await ask(house, chat, question)
    sent = correction(asked.id, question, answer, teacher)
    await house.desk.receive(replace(sent, at=NOW + timedelta(minutes=minutes)))
    await house.settle()


async def check(house: House, chat: FakeConnector, person: Person) -> None:
    """Put a ✅ on what was posted last."""
    await house.desk.receive(reaction("white_check_mark", chat.last_message(), person))
    await house.settle()


async def give(house: House, chat: FakeConnector, text: str, person: Person = ADMIN) -> str:
    await house.desk.receive(command(text, person))
    await house.settle()
    return "\n".join(notice.text for notice in chat.notices[-2:])


async def held(house: House) -> list[Lesson]:
    return list(await house.store.run(lambda unit: unit.lessons.held()))


async def earn_a_good_record(house: House, _: FakeConnector) -> None:
    """Ana has taught three things, and Ben and Cleo put a ✅ on each."""
    await house.store.run(_confirmed_lessons)


def _confirmed_lessons(unit: Unit) -> None:
    for thing in THINGS[:3]:
        taught = replace(
            version(f"a-{thing}", AGENT.key, f"Under {thing.title()} in the app, on top of the page."),
            fact=FactId(f"f-{thing}"), question=f"Where is my {thing}?", author_name="Ana",
            taught_at=NOW - timedelta(days=1),
        )  # fmt: skip
        unit.lessons.add(taught)
        said = Answer(
            kind=AnswerKind.KNOWN, question=taught.question, text=taught.answer, confidence=1.0, latency_ms=1.0,
            fact=taught.fact, confirmation=Confirmation(taught.id, "Ana", NOW),
        )  # fmt: skip
        unit.answers.add(said, THREAD, CUSTOMER)
        for person in (BEN, CLEO):
            unit.ratings.put(Rating(said.id, person.key, Gesture.APPROVE, trusted=True, at=NOW))


async def test_a_newcomers_lesson_is_right_for_the_very_next_question(house: House, chat: FakeConnector) -> None:
    await earn_a_good_record(house, chat)
    await correct(house, chat, QUESTION, RIGHT, MOE)
    assert (await ask(house, chat, QUESTION)).text == RIGHT
    assert await held(house) == []


async def test_by_default_a_newcomer_waits_until_a_first_lesson_is_confirmed(tmp_path: Path) -> None:
    chat = FakeConnector()
    async with open_house(tmp_path, lambda _: [chat]) as house:
        await earn_a_good_record(house, chat)
        await correct(house, chat, QUESTION, RIGHT, MOE)
        (waiting,) = await held(house)
        assert waiting.held is Hold.NEWCOMER
        await give(house, chat, f"accept {waiting.id[-8:]}", AGENT)
        await correct(house, chat, "Where is my visa?", "Under Visa.", MOE, minutes=1)
        assert await held(house) == []


async def test_a_newcomer_can_not_overrule_somebody_with_a_good_record(house: House, chat: FakeConnector) -> None:
    await earn_a_good_record(house, chat)
    await correct(house, chat, "Where is my card?", LIE, MEL)
    assert "a colleague whose lessons have proved right" in chat.notices[-1].text
    assert [each.held for each in await held(house)] == [Hold.OVERRULES]
    assert "Under Card" in (await ask(house, chat, "Where is my card?")).text


async def test_somebody_with_a_good_record_corrects_what_is_out_of_date(house: House, chat: FakeConnector) -> None:
    await earn_a_good_record(house, chat)
    await correct(house, chat, QUESTION, RIGHT, BEN)
    await correct(house, chat, QUESTION, "No longer.", AGENT, minutes=1)
    assert (await ask(house, chat, QUESTION)).text == "No longer."


async def test_a_liar_is_found_out_and_all_that_nobody_confirmed_is_taken_back(
    house: House, chat: FakeConnector
) -> None:
    await earn_a_good_record(house, chat)
    await house.desk.receive(command("status"))  # from here on it is known where an admin can be told
    for number, thing in enumerate(THINGS[3:]):
        await correct(house, chat, f"Where is my {thing}?", f"Send {number} coins to the {thing} people.", MEL)
    await correct(house, chat, "Where is my visa?", "Under Visa in the app.", minutes=1)
    assert (await ask(house, chat, "Where is my visa?")).text == "Under Visa in the app."
    for thing in THINGS[4:]:
        assert (await ask(house, chat, f"Where is my {thing}?")).kind is AnswerKind.HANDOFF
    told = [notice for notice in chat.notices if "nobody else has confirmed" in notice.text]
    assert {notice.to.id for notice in told if notice.to is not None} == {MEL.id, ADMIN.id}
    await correct(house, chat, QUESTION, LIE, MEL, minutes=2)
    assert {each.held for each in await held(house)} == {Hold.UNTRUSTED}
    assert (await ask(house, chat, QUESTION)).kind is AnswerKind.HANDOFF
    assert len([notice for notice in chat.notices if "nobody else has confirmed" in notice.text]) == 2


async def test_a_colleagues_check_releases_what_is_held(house: House, chat: FakeConnector) -> None:
    await earn_a_good_record(house, chat)
    await correct(house, chat, "Where is my card?", "Ring us up.", MOE)
    posted = chat.notices[-1]
    receipt = MessageRef(posted.place.platform, posted.place.workspace, posted.place.channel, posted.id)
    for person, refusal in (
        (CUSTOMER, "Only support agents"),
        (MOE, "waits for an admin"),
        (MEL, "waits for an admin"),
    ):
        await house.desk.receive(reaction("+1", receipt, person))
        await house.settle()
        assert refusal in chat.notices[-1].text
    assert len(await held(house)) == 1
    await house.desk.receive(reaction("+1", receipt, AGENT))
    await house.settle()
    assert "Ana accepted your lesson, Moe" in chat.notices[-1].text
    assert (await ask(house, chat, "Where is my card?")).text == "Ring us up."
    (lesson,) = [each for each in await house.desk.lessons() if each.author == MOE.key]
    assert (lesson.held, lesson.ruling, lesson.ruled_by) == (None, Ruling.ACCEPTED, AGENT.key)


async def test_the_same_answer_of_a_colleague_releases_what_is_held(house: House, chat: FakeConnector) -> None:
    await earn_a_good_record(house, chat)
    await correct(house, chat, "Where is my card?", "Ring us up.", MOE)
    await correct(house, chat, "Where is my card?", "Ring us up.", AGENT, minutes=1)
    assert await held(house) == []
    assert (await ask(house, chat, "Where is my card?")).text == "Ring us up."


async def test_one_answer_for_another_question_altogether_waits(house: House, chat: FakeConnector) -> None:
    await correct(house, chat, QUESTION, RIGHT)
    await correct(house, chat, "Where is my gift?", LIE, MEL)
    await correct(house, chat, "How much is a visa?", LIE, MOE)
    assert [(each.author, each.held) for each in await held(house)] == [(MOE.key, Hold.UNRELATED)]
    assert (await ask(house, chat, "How much is a visa?")).kind is AnswerKind.HANDOFF


async def test_one_answer_in_other_words_does_not_wait(house: House, chat: FakeConnector) -> None:
    await correct(house, chat, QUESTION, RIGHT)
    await correct(house, chat, "Is freezing the membership possible?", RIGHT, MOE)
    assert await held(house) == []


OTHER_WORDS = "How long may somebody pause the gym contract?"
OTHERWISE = "Ninety days a year: open the Settings of the app, choose both dates and confirm them by mail."


async def answer_otherwise(house: House, chat: FakeConnector, teacher: Person) -> None:
    """What is said to QUESTION is corrected under other words, so that it begins a fact of its own."""
    said = await ask(house, chat, QUESTION)
    await house.desk.receive(
        replace(correction(said.id, OTHER_WORDS, OTHERWISE, teacher), at=NOW + timedelta(minutes=1))
    )
    await house.settle()


async def test_what_nobody_confirmed_waits_once_a_colleague_answers_otherwise_where_it_was_said(
    house: House, chat: FakeConnector
) -> None:
    await correct(house, chat, QUESTION, LIE, MEL)
    await answer_otherwise(house, chat, BEN)
    assert [(each.answer, each.held) for each in await held(house)] == [(LIE, Hold.CORRECTED)]
    assert (await ask(house, chat, QUESTION)).text == OTHERWISE
    assert "I had answered with what Mel taught me" in chat.notices[-1].text
    assert "a colleague answered otherwise" in await give(house, chat, "review")


async def test_a_check_brings_back_what_was_right_for_its_own_question(house: House, chat: FakeConnector) -> None:
    await correct(house, chat, QUESTION, "Under Pause.", MOE)
    await answer_otherwise(house, chat, BEN)
    (told,) = [notice for notice in chat.notices if "what Moe taught me" in notice.text]
    receipt = MessageRef(told.place.platform, told.place.workspace, told.place.channel, told.id)
    await house.desk.receive(reaction("+1", receipt, CLEO))
    await house.settle()
    assert await held(house) == []
    lessons = {each.answer: each for each in await house.desk.lessons()}
    assert lessons["Under Pause."].ruled_by == CLEO.key
    assert lessons["Under Pause."].withdrawn_at is lessons[OTHERWISE].withdrawn_at is None


@pytest.mark.parametrize("confirms", [True, False])
async def test_what_was_confirmed_or_is_ones_own_does_not_wait(
    house: House, chat: FakeConnector, *, confirms: bool
) -> None:
    await correct(house, chat, QUESTION, "Under Pause.", MOE)
    if confirms:
        await ask(house, chat, QUESTION)
        await house.desk.receive(reaction("white_check_mark", chat.last_message(), CLEO))
        await house.settle()
    await answer_otherwise(house, chat, BEN if confirms else MOE)
    assert await held(house) == []


async def test_two_who_contradict_each_other_in_turn_wait_for_an_admin_whose_word_is_final(
    house: House, chat: FakeConnector
) -> None:
    await correct(house, chat, QUESTION, RIGHT, BEN)
    await correct(house, chat, QUESTION, "No, never.", MOE, minutes=1)
    await correct(house, chat, QUESTION, RIGHT, BEN, minutes=2)
    (waiting,) = await held(house)
    assert waiting.held is Hold.DISPUTED
    name = waiting.id[-8:]
    assert name in await give(house, chat, "review")
    assert "waits for an admin" in await give(house, chat, f"accept {name}", CLEO)
    assert "Adam accepted your lesson, Ben" in await give(house, chat, f"accept {name}")
    assert (await ask(house, chat, QUESTION)).text == RIGHT
    assert "No lesson waits" in await give(house, chat, "review")


async def test_what_an_admin_dropped_is_not_taken_again(house: House, chat: FakeConnector) -> None:
    await earn_a_good_record(house, chat)
    await correct(house, chat, "Where is my card?", LIE, MEL)
    (waiting,) = await held(house)
    assert "Adam dropped your lesson" in await give(house, chat, f"drop {waiting.id[-8:]}")
    await correct(house, chat, "Where is my card?", LIE, BEN, minutes=1)
    assert [each.held for each in await held(house)] == [Hold.DROPPED]
    assert "Under Card" in (await ask(house, chat, "Where is my card?")).text


@pytest.mark.parametrize("id", ["", "zzzz"])
async def test_an_id_that_nothing_goes_by_is_said(house: House, chat: FakeConnector, id: str) -> None:
    assert "No lesson that waits" in await give(house, chat, f"accept {id!r}")


async def test_more_than_an_hours_share_waits_also_for_a_lone_teacher(tmp_path: Path) -> None:
    chat = FakeConnector()
    policy = Policy(staff=STAFF, lessons_an_hour=2)
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as house:
        for number, thing in enumerate(THINGS[:4]):
            await correct(house, chat, f"Where is my {thing}?", f"In {thing}.", minutes=number)
        assert [each.held for each in await held(house)] == [Hold.BURST] * 2
        await correct(house, chat, QUESTION, RIGHT, ADMIN, minutes=4)
        await correct(house, chat, "Where is my gift?", "In gift.", minutes=70)
        assert len(await held(house)) == 2


async def test_checks_beyond_an_hours_share_teach_nothing(tmp_path: Path) -> None:
    chat = FakeConnector()
    policy = Policy(staff=STAFF, lessons_an_hour=1)
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as house:
        for _ in range(2):
            await house.add_section("Freezing", "Membership freeze", "A membership freeze lasts up to 90 days a year.")
            await ask(house, chat, "How long does a membership freeze last?")
            await check(house, chat, AGENT)
        await house.teach(QUESTION, RIGHT)
        await ask(house, chat, QUESTION)
        await check(house, chat, AGENT)
        assert "I don't learn from it: that's more than 1 within an hour" in chat.notices[-1].text


teachings = st.lists(
    st.tuples(st.sampled_from(THINGS), st.sampled_from(["Yes.", "No.", LIE, RIGHT])), min_size=1, max_size=3
)


@given(teachings)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_lone_teacher_never_waits_and_is_right_at_once(given_teachings: list[tuple[str, str]]) -> None:
    chat = FakeConnector()
    with tempfile.TemporaryDirectory() as folder:
        async with open_house(Path(folder), lambda _: [chat]) as house:
            for number, (thing, answer) in enumerate(given_teachings):
                await correct(house, chat, f"Where is my {thing}?", answer, minutes=number)
                assert (await ask(house, chat, f"Where is my {thing}?")).text == answer
            assert await held(house) == []


lies = st.lists(st.tuples(st.sampled_from(THINGS), st.sampled_from([MEL, MOE])), min_size=1, max_size=3)


@given(lies)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_held_is_never_served(told: list[tuple[str, Person]]) -> None:
    chat = FakeConnector()
    with tempfile.TemporaryDirectory() as folder:
        async with open_house(Path(folder), lambda _: [chat]) as house:
            await earn_a_good_record(house, chat)
            for number, (thing, teacher) in enumerate(told):
                await correct(
                    house, chat, f"Where is my {thing}?", f"Ask {teacher.name} {number}.", teacher, minutes=number
                )
            kept_back = {each.answer for each in await held(house)}
            assert kept_back or not {thing for thing, _ in told} & set(THINGS[:3])
            for thing in THINGS:
                assert (await ask(house, chat, f"Where is my {thing}?")).text not in kept_back


def test_a_third_time_waits_even_with_the_better_record() -> None:
    ben, moe = "slack:ben", "slack:moe"
    better = Trust(0.4, {ben: 0.9, moe: 0.5})
    again = version("9", ben, "so")
    once = [version("1", ben, "so"), version("2", moe, "no")]
    assert not is_disputed(again, once, better)
    assert is_disputed(again, [*once, version("3", ben, "so"), version("4", moe, "no")], better)


async def test_giving_a_check_again_releases_nothing(tmp_path: Path) -> None:
    chat = FakeConnector()
    async with open_house(tmp_path, lambda _: [chat]) as house:
        await earn_a_good_record(house, chat)
        await house.add_section("Plans", "Sign-on", "Single sign-on comes with the Business plan.")
        for added in (True, False, True):
            await ask(house, chat, "Which plan has single sign-on?") if not chat.answers else None
            on = chat.last_message()
            await house.desk.receive(reaction("white_check_mark", on, MOE, added=added))
            await house.settle()
        assert [each.held for each in await held(house)] == [Hold.NEWCOMER]
        assert (await ask(house, chat, "Which plan has single sign-on?")).kind is AnswerKind.GROUNDED


async def test_what_somebody_taught_who_was_forgotten_is_held_against_nobody(house: House, chat: FakeConnector) -> None:
    await earn_a_good_record(house, chat)
    await give(house, chat, f"forget {AGENT.key}")
    await correct(house, chat, QUESTION, RIGHT, MOE)
    assert (await ask(house, chat, QUESTION)).text == RIGHT
