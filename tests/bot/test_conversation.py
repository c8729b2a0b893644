"""What the bot answers to, and what it leaves to people."""

from dataclasses import replace

import pytest

from bot.access import Staff
from bot.conversation import Speaker, Turn, is_for_the_bot
from bot.events import Place
from bot.people import Person
from tests.bot.events import ADMIN, AGENT, CUSTOMER, NOW, THREAD, message

STAFF = Staff(agents=frozenset({"agents"}), admins=frozenset({"admins"}))
SUPPORT = frozenset({"C1"})
FLOOR = replace(THREAD, thread=None)
ELSEWHERE = replace(FLOOR, channel="C2")
DIRECT = replace(FLOOR, is_direct=True, channel="D1")


def turns(*people: Person, answered: bool = True) -> list[Turn]:
    said = [Turn(THREAD, Speaker.PERSON, each.key, "?", NOW) for each in people]
    return [*said, Turn(THREAD, Speaker.BOT, people[0].key, "!", NOW)] if answered else said


@pytest.mark.parametrize(
    ("who", "place", "mentions", "thread", "taken", "answers"),
    [
        (CUSTOMER, FLOOR, False, [], False, True),  # a new question in a support channel
        (AGENT, FLOOR, False, [], False, False),  # staff write there to people
        (ADMIN, FLOOR, False, [], False, False),
        (CUSTOMER, ELSEWHERE, False, [], False, False),
        (CUSTOMER, ELSEWHERE, True, [], False, True),
        (AGENT, ELSEWHERE, True, [], False, True),
        (CUSTOMER, DIRECT, False, [], False, True),
        (AGENT, DIRECT, False, [], True, False),  # what an agent says below a taken card goes to the asker
        (CUSTOMER, DIRECT, False, [], True, True),
        (CUSTOMER, THREAD, False, [], False, False),  # a thread of others', in a support channel too
        (CUSTOMER, THREAD, False, turns(CUSTOMER, answered=False), False, False),
        (CUSTOMER, THREAD, False, turns(CUSTOMER), False, True),
        (CUSTOMER, THREAD, False, turns(CUSTOMER), True, False),  # an agent has taken it
        (CUSTOMER, THREAD, False, turns(CUSTOMER, AGENT), False, False),  # people talk by now
        (AGENT, THREAD, False, turns(CUSTOMER), False, False),
        (CUSTOMER, THREAD, True, turns(CUSTOMER, AGENT), True, True),
    ],
)
def test_mentions_direct_messages_own_threads_and_new_questions_in_support_channels(
    who: Person, place: Place, mentions: bool, thread: list[Turn], taken: bool, answers: bool
) -> None:
    event = message("How long is the trial?", who, place, mentions=mentions)
    assert is_for_the_bot(event, thread, SUPPORT, STAFF, taken=taken) == answers


@pytest.mark.parametrize(
    ("text", "place", "mentions", "thread", "answers"),
    [
        ("Thanks, that worked!", THREAD, False, turns(CUSTOMER), False),
        ("👍", THREAD, False, turns(CUSTOMER), False),
        ("Thanks, and on the phone", THREAD, False, turns(CUSTOMER), True),
        ("Good morning everyone!", FLOOR, False, [], False),
        ("Good morning, the export fails", FLOOR, False, [], True),
        ("Thanks!", THREAD, True, turns(CUSTOMER), True),  # who speaks to it gets a word
        ("Hello", DIRECT, False, [], True),
        ("Thanks!", DIRECT, False, [], True),
        ("ok", DIRECT, False, [], False),
    ],
)
def test_thanks_and_greetings_call_nobody(
    text: str, place: Place, mentions: bool, thread: list[Turn], answers: bool
) -> None:
    event = message(text, CUSTOMER, place, mentions=mentions)
    assert is_for_the_bot(event, thread, SUPPORT, STAFF) == answers
