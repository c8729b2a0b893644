"""The bot's life in a Slack workspace, in both modes: asked, corrected, asked again."""

import json
from typing import Any

import pytest

from bot.people import Platform
from bot.ports import Unit
from bot.texts import ENGLISH
from connectors.slack.surface import SHORTCUT, WHY_SHORTCUT
from tests.connectors.slack.local_slack import ADMIN, AGENT, BOT, CHANNEL, CUSTOMER, SIGNING_SECRET
from tests.connectors.slack.signing import send_event, send_interaction
from tests.connectors.slack.studio import Json, Studio, buttons, menu, words
from tests.connectors.slack.waiting import until

QUESTION = "How do I cancel a class?"
HELP = "To cancel a class write to the desk."
LESSON = "Open the class, choose Cancel & confirm: the fee is < 5 €."


@pytest.fixture(params=["socket_studio", "http_studio"])
def studio(request: pytest.FixtureRequest) -> Studio:
    either: Studio = request.getfixturevalue(request.param)
    return either


async def test_an_agent_corrects_an_answer_and_the_next_asker_gets_the_agents_words(studio: Studio) -> None:
    slack = studio.slack
    await studio.house.add_section("Classes", "Cancelling", HELP, "https://help.example/classes")
    answer = await studio.ask(QUESTION)
    assert words(answer) == HELP
    assert answer["thread_ts"] == min(slack.messages)  # under the question
    assert "<https://help.example/classes|Classes › Cancelling>" in answer["blocks"][-2]["elements"][0]["text"]

    await slack.react(AGENT, answer, "pencil2")
    offer = (await until(lambda: slack.whispered(AGENT), "the offer"))[0]
    assert offer["thread_ts"] == answer["thread_ts"]

    await slack.press(AGENT, offer, buttons(offer)[0])
    modal = await until(lambda: slack.modal, "the form")
    assert [block["element"]["initial_value"] for block in modal["blocks"]] == [QUESTION, HELP]

    await slack.submit(AGENT, question=QUESTION, answer="  ")
    assert await until(lambda: slack.errors, "the empty field's mark") == {"answer": ENGLISH.empty_lesson}
    await slack.submit(AGENT, question=QUESTION, answer=LESSON)
    receipt = (await until(lambda: slack.said()[1:], "the receipt"))[0]
    assert receipt["thread_ts"] == answer["thread_ts"]
    assert words(receipt).startswith("Noted, thank you Ana.")
    assert slack.modal is None

    again = await studio.ask("Please, can I cancel my class?")
    assert words(again) == LESSON
    assert "Confirmed by Ana" in again["blocks"][-2]["elements"][0]["text"]


async def test_what_has_changed_is_replaced_by_a_click(studio: Studio) -> None:
    slack = studio.slack
    await studio.house.teach("Can I cancel my class?", "Only until the evening before, with your instructor.")
    answer = await studio.ask("The class?")
    await slack.react(AGENT, answer, "pencil2")
    form = (await until(lambda: slack.whispered(AGENT), "the offer"))[0]
    await slack.press(AGENT, form, buttons(form)[0])
    await until(lambda: slack.modal, "the form")
    await slack.submit(AGENT, question="The class?", answer=LESSON)
    offer = (await until(lambda: slack.whispered(AGENT)[1:], "the question whether it has changed"))[-1]
    assert words(offer) == ENGLISH.noted_apart.format(question="Can I cancel my class?")
    await slack.press(AGENT, offer, buttons(offer)[0])
    await until(lambda: slack.said()[2:], "the receipt")
    assert words(await studio.ask("Can I cancel my class?")) == LESSON


async def test_commands_are_answered_for_their_giver_only(studio: Studio) -> None:
    slack = studio.slack
    await slack.command(AGENT, "status")
    told = (await until(lambda: slack.whispered(AGENT), "the status"))[0]
    assert words(told).startswith("Answering, adapter base model.")

    await slack.command(CUSTOMER, "retrain")
    refusal = (await until(lambda: slack.whispered(CUSTOMER), "the refusal"))[0]
    assert words(refusal) == ENGLISH.not_admin.format(verb="retrain")
    assert slack.said() == []


async def test_blame_leads_from_the_link_of_an_answer_to_who_taught_it(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    await slack.react(AGENT, await socket_studio.ask(QUESTION), "pencil2")
    offer = (await until(lambda: slack.whispered(AGENT), "the offer"))[0]
    await slack.press(AGENT, offer, buttons(offer)[0])
    await until(lambda: slack.modal, "the form")
    await slack.submit(AGENT, question=QUESTION, answer=LESSON)
    await until(lambda: slack.said()[1:], "the receipt")
    answer = await socket_studio.ask(QUESTION)
    link = f"https://studio.slack.com/archives/{CHANNEL}/p{answer['ts'].replace('.', '')}?thread_ts=1.2"
    await slack.command(CUSTOMER, f"blame {link}")
    refusal = (await until(lambda: slack.whispered(CUSTOMER), "the refusal"))[0]
    assert words(refusal) == ENGLISH.not_staff.format(verb="blame")
    await slack.command(AGENT, f"blame {link}")
    told = words((await until(lambda: slack.whispered(AGENT)[1:], "the blame"))[0])
    (lesson,) = await socket_studio.house.desk.lessons()
    assert f"• `{lesson.id[-8:]}` of Ana, " in told
    assert f"/mentee drop {lesson.id[-8:]}" in told


async def test_a_dry_run_is_told_to_the_admin_who_asked(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    await slack.command(ADMIN, "retrain --dry-run")
    told = words((await until(lambda: slack.whispered(ADMIN), "the dry run"))[0])
    assert told.startswith("Dry run: 40 facts")
    assert "none is expected to change" in told
    assert await socket_studio.house.desk.runs() == []


async def test_the_settings_are_told_to_admins_alone(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    await slack.command(AGENT, "settings")
    refusal = (await until(lambda: slack.whispered(AGENT), "the refusal"))[0]
    assert words(refusal) == ENGLISH.not_admin.format(verb="settings")
    await slack.command(ADMIN, "settings")
    told = words((await until(lambda: slack.whispered(ADMIN), "the settings"))[0])
    assert "served from a probability of 0.90 (`MENTEE_KNOWN_FROM`)" in told
    assert "`/mentee pause`" in told


async def test_an_admins_retraining_is_followed_in_one_message(studio: Studio) -> None:
    slack = studio.slack
    await slack.command(ADMIN, "retrain")
    progress = (await until(slack.said, "the progress post"))[0]
    assert words(progress).startswith("Training a new adapter on 40 facts")

    def where(unit: Unit) -> Any:
        return unit.outbox.message_of(unit.runs.latest()[0].id)

    await studio.house.settle()
    message = await studio.house.store.run(where)
    await studio.house.bot.connectors[Platform.SLACK].update(message, "Training: 50 %")
    await until(lambda: words(slack.said()[0]) == "Training: 50 %", "the edit")
    assert len(slack.said()) == 1


async def test_a_trusted_approval_is_taken_and_taken_back(socket_studio: Studio) -> None:
    slack, house = socket_studio.slack, socket_studio.house
    await house.add_section("Classes", "Cancelling", HELP)
    answer = await socket_studio.ask(QUESTION)

    await slack.react(AGENT, answer, "white_check_mark")
    thanks = (await until(lambda: slack.whispered(AGENT), "the thanks"))[0]
    assert words(thanks) == ENGLISH.noted_approval.format(name="Ana")
    assert [lesson.withdrawn_at for lesson in await house.desk.lessons()] == [None]

    await slack.react(AGENT, answer, "white_check_mark", present=False)
    await until(lambda: slack.whispered(AGENT)[1:], "the taking back")
    assert words(slack.whispered(AGENT)[1]) == ENGLISH.withdrawn
    assert [lesson.withdrawn_at is None for lesson in await house.desk.lessons()] == [False]


async def test_a_customers_pencil_opens_nothing(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    answer = await socket_studio.ask(QUESTION)
    await slack.react(CUSTOMER, answer, "pencil2")
    told = (await until(lambda: slack.whispered(CUSTOMER), "the refusal"))[0]
    assert words(told) == ENGLISH.not_agent
    assert buttons(told) == []


async def test_an_unknown_question_calls_the_agents(socket_studio: Studio) -> None:
    answer = await socket_studio.ask("May I bring my parrot?")
    assert words(answer) == ENGLISH.handoff
    assert answer["blocks"][-2]["text"]["text"] == "<!subteam^S0AGENTS>"


@pytest.mark.parametrize(("pressed", "expected"), [(0, "Write to us."), (-1, ENGLISH.handoff)])
async def test_did_you_mean_is_answered_by_a_click(studio: Studio, pressed: int, expected: str) -> None:
    slack = studio.slack
    await studio.house.teach("How do I cancel a membership?", "Write to us.")
    asked = await studio.ask("How do I cancel a booking?")
    assert [button["text"]["text"] for button in buttons(asked)] == [
        "How do I cancel a membership?",
        ENGLISH.none_of_these,
    ]
    await slack.press(CUSTOMER, asked, buttons(asked)[pressed])
    answer = (await until(lambda: slack.said()[1:], "the answer"))[0]
    assert words(answer) == expected
    assert answer["thread_ts"] == asked["thread_ts"]


async def test_a_direct_message_is_answered_on_the_floor(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    await socket_studio.house.teach(QUESTION, LESSON)
    ts = await slack.say(CUSTOMER, QUESTION, channel=CUSTOMER)
    direct = slack.messages[ts]["channel"]
    answer = (await until(lambda: slack.said(direct), "the answer"))[0]
    assert words(answer) == LESSON
    assert "thread_ts" not in answer


async def test_talk_of_others_is_left_alone(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    await slack.say(CUSTOMER, "Lovely weather.")
    await slack.say(CUSTOMER, f"Is <@{AGENT}> in?")
    answer = await socket_studio.ask(QUESTION)  # asserts that this is the only thing said
    await slack.say(CUSTOMER, "Thanks, that helped! :pray:", thread=answer["thread_ts"])
    await socket_studio.ask(QUESTION)
    assert len(slack.said()) == 2


async def test_in_a_support_channel_every_new_question_of_a_customer_is_answered(socket_studio: Studio) -> None:
    slack, house = socket_studio.slack, socket_studio.house
    await house.teach(QUESTION, LESSON)
    object.__setattr__(house.desk.routing.answering.policy, "support_channels", frozenset({CHANNEL}))
    asked = await slack.say(CUSTOMER, QUESTION)
    answer = (await until(slack.said, "the answer"))[0]
    assert (words(answer), answer["thread_ts"]) == (LESSON, asked)
    await slack.say(AGENT, QUESTION)
    await slack.say(CUSTOMER, "Is there somebody who knows the way?", thread=await slack.say(AGENT, "Hello all!"))
    await socket_studio.ask(QUESTION)  # asserts that this is the only thing said since
    assert len(slack.said()) == 2


async def test_an_event_that_slack_repeats_is_answered_once(http_studio: Studio) -> None:
    slack = http_studio.slack
    await http_studio.ask(QUESTION)
    bodies = slack.sent("events_api")
    assert [json.loads(body)["event"]["type"] for body in bodies] == ["message", "app_mention"]
    for retry, body in enumerate(bodies, start=1):
        assert await send_event(http_studio.events_url, SIGNING_SECRET, body, retry) == 200
    await http_studio.house.settle()
    await http_studio.ask("May I bring my parrot?")
    assert len(slack.said()) == 2


async def test_the_message_menu_opens_the_form(http_studio: Studio) -> None:
    slack = http_studio.slack
    answer = await http_studio.ask(QUESTION)
    await send_interaction(http_studio.events_url, SIGNING_SECRET, await menu(slack, SHORTCUT, AGENT, answer))
    modal = await until(lambda: slack.modal, "the form")
    assert modal["blocks"][0]["element"]["initial_value"] == QUESTION
    await slack.submit(AGENT, question=QUESTION, answer=LESSON)
    receipt = (await until(lambda: slack.said()[1:], "the receipt"))[0]
    assert words(receipt).startswith("Noted, thank you Ana.")


async def test_the_message_menu_tells_others_why_it_opens_nothing(http_studio: Studio) -> None:
    slack = http_studio.slack
    answer = await http_studio.ask(QUESTION)
    await send_interaction(http_studio.events_url, SIGNING_SECRET, await menu(slack, SHORTCUT, CUSTOMER, answer))
    told = await until(lambda: slack.whispered(CUSTOMER), "the refusal")
    assert words(told[-1]) == ENGLISH.not_agent
    assert slack.modal is None


async def test_a_cross_asks_why_and_takes_one_click(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    answer = await socket_studio.ask(QUESTION)
    await slack.react(CUSTOMER, answer, "x")
    asked = (await until(lambda: slack.whispered(CUSTOMER), "the question why"))[0]
    assert [button["text"]["text"] for button in buttons(asked)][:2] == [ENGLISH.reason_wrong, ENGLISH.reason_outdated]
    await slack.press(CUSTOMER, asked, buttons(asked)[1])
    thanks = await until(lambda: slack.whispered(CUSTOMER)[1:], "the thanks")
    assert words(thanks[0]) == ENGLISH.reason_noted.format(reason="outdated")
    assert (await socket_studio.house.desk.status()).reasons == {"outdated": 1}


async def test_an_edited_question_is_answered_anew_in_the_same_message(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    await socket_studio.house.teach(QUESTION, LESSON)
    answer = await socket_studio.ask("May I bring my parrot?")
    question = slack.messages[answer["thread_ts"]]
    await slack.edit(question, f"<@{BOT}> {QUESTION}")
    await until(lambda: words(slack.said()[0]) == LESSON, "the new answer")
    assert len(slack.said()) == 1
    assert buttons(slack.said()[0]) == []


async def test_a_deleted_question_takes_its_hand_off_back(socket_studio: Studio) -> None:
    slack = socket_studio.slack
    answer = await socket_studio.ask("May I bring my parrot?")
    await slack.delete(slack.messages[answer["thread_ts"]])
    await until(lambda: "⚪ The question was deleted" in slack.said()[0]["blocks"][1]["text"]["text"], "the card")


def feedback(message: Json) -> Json:
    block = next(block for block in message["blocks"] if block["type"] == "context_actions")
    return dict(block["elements"][0])


async def test_feedback_buttons_rate_and_the_latest_press_wins(socket_studio: Studio) -> None:
    slack, house = socket_studio.slack, socket_studio.house
    await house.add_section("Classes", "Cancelling", HELP)
    answer = await socket_studio.ask(QUESTION)
    pair = feedback(answer)
    assert pair["positive_button"]["accessibility_label"] == ENGLISH.feedback_right_label
    assert pair["negative_button"]["accessibility_label"] == ENGLISH.feedback_wrong_label

    await slack.feedback(AGENT, answer, pair["positive_button"]["value"])
    thanks = (await until(lambda: slack.whispered(AGENT), "the thanks"))[0]
    assert words(thanks) == ENGLISH.noted_approval.format(name="Ana")
    await slack.feedback(AGENT, answer, pair["negative_button"]["value"])
    await until(lambda: len(slack.whispered(AGENT)) == 3, "the taking back, and the offer")
    assert [words(each) for each in slack.whispered(AGENT)[1:]] == [ENGLISH.withdrawn, ENGLISH.offer_rejected]
    assert [lesson.withdrawn_at is None for lesson in await house.desk.lessons()] == [False]


async def test_the_message_menu_tells_why(http_studio: Studio) -> None:
    slack = http_studio.slack
    answer = await http_studio.ask(QUESTION)
    body = await menu(slack, WHY_SHORTCUT, AGENT, answer)
    body["trigger_id"] += ".menu"  # the command's own is taken
    await send_interaction(http_studio.events_url, SIGNING_SECRET, body)
    why = f"“{QUESTION}” → handoff"
    await until(lambda: [m for m in slack.whispered(AGENT) if words(m).startswith(why)], "the reasons")
