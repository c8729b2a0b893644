"""A correction rewrites an earlier answer in a Slack workspace, which can then be rated anew. Against local-slack."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.feedback import Gesture
from bot.ports import Unit
from tests.connectors.slack.local_slack import AGENT, CUSTOMER
from tests.connectors.slack.studio import Json, Studio, buttons, open_studio, words
from tests.connectors.slack.test_story import feedback
from tests.connectors.slack.waiting import until
from tests.house import House

QUESTION = "Can I pause my pass?"
WRONG, RIGHT = "Yes, 30 days.", "Yes, for 90 days, in the settings of the pass."


async def test_a_correction_rewrites_an_earlier_answer_and_calls_its_asker(tmp_path: Path) -> None:
    async with open_studio(tmp_path, "socket") as studio:
        slack = studio.slack
        await studio.house.teach(QUESTION, WRONG)
        earlier, corrected = await studio.ask(QUESTION), await studio.ask("Please, can I pause my pass?")
        await slack.react(AGENT, corrected, "pencil2")
        offer = (await until(lambda: slack.whispered(AGENT), "the offer"))[0]
        await slack.press(AGENT, offer, buttons(offer)[0])
        await until(lambda: slack.modal, "the form")
        await slack.submit(AGENT, question=QUESTION, answer=RIGHT)
        await until(lambda: slack.said()[2:], "the receipt")
        await studio.house.bot.amending.look()
        notice = (await until(lambda: slack.said()[3:], "the word to the earlier asker"))[0]
        assert notice["thread_ts"] == earlier["thread_ts"]
        assert f"<@{CUSTOMER}>" in str(notice["blocks"])
        now = {message["ts"]: words(message) for message in slack.said()}
        assert (now[earlier["ts"]], now[corrected["ts"]]) == (RIGHT, RIGHT)


async def again(studio: Studio, answer: Json) -> None:
    await studio.slack.react(CUSTOMER, answer, "x", present=False)
    await studio.slack.react(CUSTOMER, answer, "x")


async def press(studio: Studio, answer: Json) -> None:
    """The cross on the earlier text stands all the time."""
    await studio.slack.feedback(CUSTOMER, answer, feedback(answer)["negative_button"]["value"])


@pytest.mark.parametrize("rate", [again, press])
async def test_a_rewritten_answer_is_rated_anew(
    tmp_path: Path, rate: Callable[[Studio, Json], Awaitable[None]]
) -> None:
    async with open_studio(tmp_path, "socket") as studio:
        slack, house = studio.slack, studio.house
        await house.teach(QUESTION, WRONG)
        answer = await studio.ask(QUESTION)
        await slack.react(CUSTOMER, answer, "x")
        await until(lambda: slack.whispered(CUSTOMER), "the question why")
        await slack.react(AGENT, answer, "pencil2")
        offer = (await until(lambda: slack.whispered(AGENT), "the offer"))[0]
        await slack.press(AGENT, offer, buttons(offer)[0])
        await until(lambda: slack.modal, "the form")
        await slack.submit(AGENT, question=QUESTION, answer=RIGHT)
        await until(lambda: slack.said()[1:], "the receipt")
        await house.bot.amending.look()
        await until(lambda: words(slack.said()[0]) == RIGHT, "the right answer")
        await house.settle()  # it stands there before the bot knows that it does
        assert await gestures(house, answer) == []
        await rate(studio, slack.said()[0])
        await until(lambda: slack.whispered(CUSTOMER)[1:], "the question why, once more")
        assert await gestures(house, answer) == [Gesture.REJECT]


async def gestures(house: House, message: Json) -> list[Gesture]:
    def look(unit: Unit) -> list[Gesture]:
        posted = unit.answers.find(message["ts"])
        assert posted is not None
        return [rating.gesture for rating in unit.ratings.of(posted.answer.id)]

    return await house.store.run(look)
