"""An agent's bullseye on a colleague's reply in a Slack workspace. Against local-slack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.access import Staff
from bot.feedback import DEFAULT_EMOJI, Gesture
from bot.policy import Policy
from bot.texts import ENGLISH
from tests.connectors.slack.local_slack import ADMIN, AGENT, CUSTOMER
from tests.connectors.slack.studio import Json, Studio, open_studio, words
from tests.connectors.slack.test_handing_off import QUESTION, REPLY
from tests.connectors.slack.waiting import until

STAFF = Staff(agents=frozenset({AGENT}), admins=frozenset({ADMIN}))
MARKING = Policy(staff=STAFF, emoji={**DEFAULT_EMOJI, "dart": Gesture.MARK})


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    async with open_studio(tmp_path, "socket", policy=MARKING) as studio:
        yield studio


async def replied(studio: Studio) -> tuple[Json, Json]:
    """The bot's hand-off, and the admin's reply below it."""
    asked = await studio.ask(QUESTION)
    reply = await studio.slack.say(ADMIN, REPLY, thread=asked["thread_ts"])
    await until(lambda: studio.slack.whispered(ADMIN), "the offer to learn")
    return asked, studio.slack.messages[reply]


async def test_a_bullseye_on_a_reply_teaches_it_until_it_is_taken_away(studio: Studio) -> None:
    slack = studio.slack
    asked, reply = await replied(studio)
    await slack.react(CUSTOMER, reply, "dart")
    await slack.react(AGENT, reply, "dart")
    receipt = (await until(lambda: slack.said()[1:], "the receipt"))[0]
    assert words(receipt).startswith("Noted, thank you Ana.")
    assert receipt["thread_ts"] == asked["thread_ts"]
    (lesson,) = await studio.house.desk.lessons()
    assert (lesson.question, lesson.answer, lesson.author_name) == (QUESTION, REPLY, "Ana")
    assert words(await studio.ask(QUESTION)) == REPLY

    await slack.react(AGENT, reply, "dart", present=False)
    told = (await until(lambda: slack.whispered(AGENT), "the word that it is taken back"))[0]
    assert words(told) == ENGLISH.withdrawn
    assert [each.withdrawn_at is None for each in await studio.house.desk.lessons()] == [False]
    assert slack.whispered(CUSTOMER) == []


async def test_a_reply_that_is_not_shown_is_told_of(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    slack = studio.slack
    _, reply = await replied(studio)
    with monkeypatch.context() as patch:
        patch.setattr("connectors.slack.listening.LOOK_UP_S", 0.0)
        await slack.react(AGENT, reply, "dart")
        told = (await until(lambda: slack.whispered(AGENT), "the word that it can't be read"))[0]
    assert words(told) == ENGLISH.reply_hidden.format(menu=ENGLISH.right_answer_menu)
    assert await studio.house.desk.lessons() == []


async def test_it_means_nothing_as_long_as_the_operator_has_named_no_emoji(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    _, reply = await replied(socket_studio)
    calls = len(slack.log)
    await slack.react(AGENT, reply, "dart")
    await until(lambda: slack.log[calls:], "the reaction")
    again = await socket_studio.ask(QUESTION)  # all before it is worked off
    assert words(again) != REPLY
    assert slack.whispered(AGENT) == []
