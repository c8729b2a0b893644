"""The whole loop in a Slack workspace: a wrong answer, a correction, a right one, and a retraining by an admin."""

from pathlib import Path

import pytest

from bot import reporting
from bot.texts import ENGLISH
from tests.connectors.slack.local_slack import (
    ADMIN,
    AGENT,
    APP_TOKEN,
    BOT,
    BOT_TOKEN,
    CUSTOMER,
    LocalSlack,
    local_slack,
)
from tests.connectors.slack.studio import Json, buttons, words
from tests.connectors.slack.waiting import free_port
from tests.e2e.waiting import until
from tests.e2e.workshop import ANSWER, PARAPHRASE, QUESTION, TRAINED_HERE, Workshop, open_workshop, workshop_settings

pytestmark = TRAINED_HERE


async def test_a_correction_is_served_at_once_and_trained_on_request(
    folder: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promotion is forced (see the fixture); everything else happens as it does in a workspace."""
    monkeypatch.setattr(reporting, "EVERY_S", 0.1)  # this training takes seconds
    async with local_slack(folder) as slack:
        settings = workshop_settings(
            folder, tiny, web_port=free_port(), slack_bot_token=BOT_TOKEN, slack_app_token=APP_TOKEN,
            slack_api_url=slack.api_url, agents=[AGENT], admins=[ADMIN],
        )  # fmt: skip
        async with open_workshop(settings) as workshop:
            await until(lambda: slack.is_connected, "the bot's socket")
            await _correct(slack, await _ask(slack, QUESTION))
            answer = await _ask(slack, PARAPHRASE)
            assert words(answer) == ANSWER
            context = next(block for block in answer["blocks"] if block["type"] == "context")
            assert "Confirmed by Ana" in context["elements"][0]["text"]
            await _retrain(slack, workshop)


async def _ask(slack: LocalSlack, question: str) -> Json:
    before = len(slack.said())
    await slack.say(CUSTOMER, f"<@{BOT}> {question}")
    return (await until(lambda: slack.said()[before:], "an answer"))[0]


async def _correct(slack: LocalSlack, answer: Json) -> None:
    assert words(answer) == ENGLISH.handoff
    await slack.react(AGENT, answer, "pencil2")
    offer = (await until(lambda: slack.whispered(AGENT), "the offer"))[0]
    await slack.press(AGENT, offer, buttons(offer)[0])
    await until(lambda: slack.modal, "the form")
    await slack.submit(AGENT, question=QUESTION, answer=ANSWER)
    receipt = (await until(lambda: slack.said()[1:], "the receipt"))[0]
    assert receipt["thread_ts"] == answer["thread_ts"]
    assert words(receipt).startswith("Noted, thank you Ana.")


async def _retrain(slack: LocalSlack, workshop: Workshop) -> None:
    await workshop.teach_enough()
    before = len(slack.said())
    await slack.command(ADMIN, "retrain")
    progress = (await until(lambda: slack.said()[before:], "the progress post"))[0]
    assert words(progress).startswith("Training a new adapter on ")
    await until(lambda: " %" in words(slack.messages[progress["ts"]]), "the progress in the same message")

    def told(beginning: str) -> list[str]:
        return [text for each in slack.said()[before + 1 :] if (text := words(each)).startswith(beginning)]

    assert len(await until(lambda: told("✅ Adapter v1 was promoted"), "the outcome")) == 1
    live = await workshop.promoted()
    assert live.name == "v1"
    receipts = len(told("🎓 Learned in v1")) + len(told("Not yet learned in v1"))  # in the thread of the lesson
    assert len(slack.said()) == before + 2 + receipts
    await slack.command(ADMIN, "adapters")
    listed = await until(lambda: slack.whispered(ADMIN), "the list")
    assert words(listed[-1]).startswith("● v1 · ")
