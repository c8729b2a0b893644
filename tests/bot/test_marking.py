"""An agent's emoji on a person's reply makes it the answer to the thread's question, where the operator wants that."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.events import Event, MessagePosted, Reacted, Reply
from bot.feedback import DEFAULT_EMOJI, Gesture, Hold, Lesson, LessonSource
from bot.people import Person, Platform
from bot.policy import Policy
from bot.texts import ENGLISH
from storage.repositories.persons import SqlPersons
from tests.bot.events import AGENT, CUSTOMER, THREAD, command, message, reaction
from tests.bot.test_following import deleted, edited
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

QUESTION, RIGHT = "Are parrots welcome?", "Parrots are welcome in the garden."
BEN = Person(Platform.SLACK, "U-ben", "Ben", groups=frozenset({"agents"}))
MARKING = Policy(staff=STAFF, emoji={**DEFAULT_EMOJI, "dart": Gesture.MARK})


@pytest.fixture
async def house(tmp_path: Path, chat: FakeConnector) -> AsyncIterator[House]:
    async with open_house(tmp_path, lambda _: [chat], policy=MARKING) as house:
        yield house


def mark(said: MessagePosted, by: Person = AGENT, *, added: bool = True, reply: Reply | None = None) -> Reacted:
    """As a connector tells of it: with the words of the reply, as they stand there."""
    read = reply or Reply(text=said.text, author=said.person.key)
    return replace(reaction("dart", said.message, by, added=added), place=said.place, reply=read)


async def does(house: House, *events: Event) -> None:
    for event in events:
        await house.desk.receive(event)
        await house.settle()


async def standing(house: House) -> list[Lesson]:
    return [lesson for lesson in await house.desk.lessons() if lesson.withdrawn_at is None]


@pytest.fixture
async def reply(house: House) -> MessagePosted:
    """A colleague has answered what was handed off."""
    reply = message(RIGHT, BEN, mentions=False)
    await does(house, message(QUESTION), reply)
    return reply


async def test_a_marked_reply_answers_the_next_asker(house: House, chat: FakeConnector, reply: MessagePosted) -> None:
    await does(house, mark(reply))
    (lesson,) = await standing(house)
    assert (lesson.question, lesson.answer, lesson.author) == (QUESTION, RIGHT, AGENT.key)
    assert (lesson.source, lesson.said_in) == (LessonSource.REPLY, reply.message.key)
    assert chat.notices[-1].text.startswith("Noted, thank you Ana.")
    assert (await house.desk.status()).handoffs == {"solved": 1}
    await does(house, message(QUESTION))
    assert chat.answers[-1].answer.text == RIGHT


async def test_taking_the_mark_back_withdraws_it_and_it_can_be_put_again(
    house: House, chat: FakeConnector, reply: MessagePosted
) -> None:
    await does(house, mark(reply), mark(reply, added=False))
    assert await standing(house) == []
    assert (chat.notices[-1].text, chat.notices[-1].to) == (ENGLISH.withdrawn, AGENT)
    said = len(chat.posted)
    await does(house, mark(reply, added=False))
    assert len(chat.posted) == said
    await does(house, mark(reply))
    assert [lesson.answer for lesson in await standing(house)] == [RIGHT]


async def test_what_its_writer_made_of_it_goes_with_the_mark(house: House, reply: MessagePosted) -> None:
    await does(house, mark(reply), edited(reply, "Parrots stay at home from now on."))
    assert [lesson.author for lesson in await standing(house)] == [AGENT.key, BEN.key]
    await does(house, mark(reply, added=False))
    assert await standing(house) == []


async def test_another_agents_mark_stays(house: House, reply: MessagePosted) -> None:
    await does(house, mark(reply), mark(reply, BEN), mark(reply, added=False))
    assert [lesson.author for lesson in await standing(house)] == [BEN.key]


async def test_the_reply_goes_when_its_message_does(house: House, reply: MessagePosted) -> None:
    await does(house, mark(reply), deleted(reply.message))
    assert await standing(house) == []


async def test_only_agents_mark_and_whoever_is_not_known_is_told_so(
    house: House, chat: FakeConnector, reply: MessagePosted
) -> None:
    said = len(chat.posted)
    await does(house, mark(reply, CUSTOMER), mark(reply, CUSTOMER, added=False))
    assert len(chat.posted) == said
    await does(house, replace(mark(reply, replace(AGENT, groups=frozenset(), is_unverified=True)), reply=None))
    assert chat.notices[-1].text == ENGLISH.not_verified
    assert await house.desk.lessons() == []


async def test_without_the_setting_it_means_nothing(tmp_path: Path, chat: FakeConnector) -> None:
    async with open_house(tmp_path, lambda _: [chat]) as house:
        reply = message(RIGHT, BEN, mentions=False)
        await does(house, message(QUESTION), reply)
        said = len(chat.posted)
        await does(house, mark(reply), mark(reply, added=False))
        assert (len(chat.posted), await house.desk.lessons()) == (said, [])


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (Reply(), ENGLISH.reply_gone),
        (Reply(text=RIGHT, by_bot=True), ENGLISH.reply_by_bot),
        (Reply(is_hidden=True), ENGLISH.reply_hidden.format(menu=ENGLISH.right_answer_menu)),
    ],
)
async def test_what_cannot_be_learnt_is_told_in_private(
    house: House, chat: FakeConnector, reply: MessagePosted, read: Reply, told: str
) -> None:
    await does(house, mark(reply, reply=read))
    assert (chat.notices[-1].text, chat.notices[-1].to) == (told, AGENT)
    assert await house.desk.lessons() == []


async def test_the_question_itself_other_threads_and_the_bots_own_words(house: House, chat: FakeConnector) -> None:
    asked = message(QUESTION)
    elsewhere = message(RIGHT, BEN, replace(THREAD, thread="7.7"), mentions=False)
    await does(house, asked, mark(asked))
    assert chat.notices[-1].text == ENGLISH.reply_asks
    await does(house, elsewhere, mark(elsewhere))
    assert chat.notices[-1].text == ENGLISH.no_question_here
    await does(house, reaction("dart", chat.last_message()))
    assert chat.notices[-1].text == ENGLISH.reply_by_bot
    assert await house.desk.lessons() == []


async def test_whose_words_are_not_to_be_learnt(house: House, chat: FakeConnector, reply: MessagePosted) -> None:
    await does(house, command("optout", BEN), mark(reply))
    assert chat.notices[-1].text == ENGLISH.reply_opted_out
    assert await house.desk.lessons() == []


async def test_a_reply_is_redacted_and_goes_with_who_wrote_it(house: House, reply: MessagePosted) -> None:
    """Its words are in the agent's event, and are its writer's."""
    card = "4111 1111 1111 1111"
    await does(house, mark(reply, reply=Reply(text=f"{RIGHT} {card}", author=BEN.key)))
    (lesson,) = await standing(house)
    assert card not in lesson.answer
    assert "<CARD_1>" in lesson.answer

    def forget() -> int:
        def work(unit: object) -> int:
            persons: SqlPersons = unit.persons  # type: ignore[attr-defined]
            (ben,) = [each for each in persons.known() if each.key == BEN.key]
            persons.erase(ben, with_lessons=False)
            return len(unit.inbox.reactions([reply.message]))  # type: ignore[attr-defined]

        return house.store.run_sync(work)

    assert forget() == 0


async def test_it_is_held_as_other_lessons_are(tmp_path: Path, chat: FakeConnector) -> None:
    async with open_house(tmp_path, lambda _: [chat], policy=replace(MARKING, lessons_an_hour=1)) as house:
        for question, answer, thread in ((QUESTION, RIGHT, "1.1"), ("May I bring my dog?", "Yes, on a leash.", "2.2")):
            place = replace(THREAD, thread=thread)
            reply = message(answer, BEN, place, mentions=False)
            await does(house, message(question, place=place), reply, mark(reply))
        (waiting,) = await house.store.run(lambda unit: unit.lessons.held())
        assert (waiting.answer, waiting.held) == ("Yes, on a leash.", Hold.BURST)
        await does(house, mark(reply, added=False))
        assert await house.store.run(lambda unit: unit.lessons.held()) == []
