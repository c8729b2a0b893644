"""A hand-off in a Slack workspace: called out, taken, answered, learnt. Against local-slack."""

from dataclasses import replace

from bot.policy import Policy
from bot.texts import ENGLISH
from connectors.slack.surface import RIGHT_SHORTCUT
from deploy.wiring import utc_now
from tests.connectors.slack.local_slack import AGENT, CUSTOMER, SIGNING_SECRET
from tests.connectors.slack.signing import send_interaction
from tests.connectors.slack.studio import Json, Studio, buttons, menu, words
from tests.connectors.slack.waiting import until

QUESTION = "May I bring my parrot?"
REPLY = "Birds are welcome in the garden studio, on a leash: write to birds@studio.example."


def card(message: Json) -> str:
    return str(message["blocks"][1]["text"]["text"])


async def test_it_is_taken_answered_and_learnt_with_one_click(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    asked = await socket_studio.ask(QUESTION)
    assert card(asked).startswith(f"Question: {QUESTION}\nTried: no known answer is near")
    assert [button["text"]["text"] for button in buttons(asked)] == [ENGLISH.claim_button, ENGLISH.solve_button]

    await slack.press(CUSTOMER, asked, buttons(asked)[0])
    refusal = (await until(lambda: slack.whispered(CUSTOMER), "the refusal"))[0]
    assert words(refusal) == ENGLISH.handoff_not_agent

    await slack.press(AGENT, asked, buttons(asked)[0])
    await until(lambda: "🟡 Taken by Ana" in card(slack.said()[0]), "the taken card")
    assert len(slack.said()) == 1

    await slack.say(AGENT, REPLY, thread=asked["thread_ts"])
    offer = (await until(lambda: slack.whispered(AGENT), "the offer to learn"))[0]
    await slack.press(AGENT, offer, buttons(offer)[0])
    await until(lambda: "🟢 Solved by Ana" in card(slack.said()[0]), "the solved card")
    assert buttons(slack.said()[0]) == []
    receipt = (await until(lambda: slack.said()[1:], "the receipt"))[0]
    assert receipt["thread_ts"] == asked["thread_ts"]

    again = await socket_studio.ask(QUESTION)
    assert words(again) == REPLY


async def test_a_reply_that_was_deleted_before_the_click_is_not_learnt(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    asked = await socket_studio.ask(QUESTION)
    reply = await slack.say(AGENT, REPLY, thread=asked["thread_ts"])
    offer = (await until(lambda: slack.whispered(AGENT), "the offer to learn"))[0]
    await slack.delete(slack.messages[reply])
    await slack.press(AGENT, offer, buttons(offer)[0])
    told = await until(lambda: slack.whispered(AGENT)[1:], "the refusal")
    assert words(told[0]) == ENGLISH.reply_gone
    assert await socket_studio.house.desk.lessons() == []


async def test_the_message_menu_marks_a_reply_as_the_right_answer(http_studio: Studio) -> None:
    slack = http_studio.slack
    asked = await http_studio.ask(QUESTION)
    reply = await slack.say(AGENT, REPLY, thread=asked["thread_ts"])
    body = await menu(slack, RIGHT_SHORTCUT, AGENT, slack.messages[reply])
    body["trigger_id"] += ".menu"  # the command's own is taken
    await send_interaction(http_studio.events_url, SIGNING_SECRET, body)
    receipt = (await until(lambda: slack.said()[1:], "the receipt"))[0]
    assert words(receipt).startswith("Noted, thank you Ana.")
    again = await http_studio.ask(QUESTION)
    assert words(again) == REPLY


async def test_the_agents_are_called_again(socket_studio: Studio) -> None:
    asked = await socket_studio.ask(QUESTION)
    reminding = replace(socket_studio.house.bot.reminding, clock=lambda: utc_now() + Policy().remind_after)
    assert await reminding.look() == 1
    reminder = (await until(lambda: socket_studio.slack.said()[1:], "the reminder"))[0]
    assert reminder["thread_ts"] == asked["thread_ts"]
    assert reminder["blocks"][-1]["text"]["text"] == "<!subteam^S0AGENTS>"
