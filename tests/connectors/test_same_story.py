"""The same story in a Slack workspace, on a Discord server and on the page ends in the same decisions: they are made
once, in `bot`.

Asked twice, corrected, amended, asked again, thanked for; then a direct question, answered from the agents' channel and
learnt, which the page has no channels for.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlmodel import col, select

from bot.access import Staff
from bot.events import Place
from bot.ids import Tenant
from bot.outgoing import Notice
from bot.people import Platform
from bot.policy import Policy
from bot.ports import Unit
from bot.texts import ENGLISH
from connectors.web.visitor import CONVERSATION
from storage.codec import ANSWER, HANDOFF, OUTGOING, from_text
from storage.tables import AnswerRow, HandoffRow, LessonRow, OutboxRow
from tests.connectors.discord.stage import SIMCORDS_NOW, on_stage
from tests.connectors.slack.local_slack import ADMIN, AGENT, AGENTS_CHANNEL, CUSTOMER
from tests.connectors.slack.studio import buttons, open_studio
from tests.connectors.slack.waiting import until
from tests.connectors.web.conftest import Site, open_site
from tests.connectors.web.test_conversation import answers_in
from tests.house import STAFF, House

HELP = "Pause my pass: a pass can be paused for 30 days."
QUESTION, AGAIN = "Can I pause my pass?", "Please, can I pause my pass?"
THANKS = "Great, thank you!"
RIGHT = "Yes, for 90 days, in the settings of the pass."
UNKNOWN, REPLY = "May I bring my parrot?", "Birds are welcome in the garden studio, on a leash."
Decisions = dict[str, list[Any]]
AS_WRITTEN = text("rowid")
"""Ids of one millisecond are in any order."""


async def decisions(house: House, agent: str, customer: str) -> Decisions:
    """What was decided, in order, without ids, times and the names that the platforms have for people."""

    def plain(text: str) -> str:
        return re.sub(rf"\b{customer}\b", "CUSTOMER", re.sub(rf"\b{agent}\b", "AGENT", text))

    def read(unit: Unit) -> Decisions:
        session = unit.session  # type: ignore[attr-defined]
        answers = [from_text(ANSWER, row.answer) for row in session.exec(select(AnswerRow).order_by(AS_WRITTEN))]
        handoffs = [from_text(HANDOFF, row.handoff) for row in session.exec(select(HandoffRow))]
        sent = [
            from_text(OUTGOING, row.outgoing)
            for row in session.exec(select(OutboxRow).order_by(col(OutboxRow.position)))
        ]
        lessons = session.exec(select(LessonRow).order_by(AS_WRITTEN))
        return {
            "answers": [(each.kind, plain(each.text)) for each in answers],
            "handoffs": [(each.state, each.question, plain(each.summary)) for each in handoffs],
            "lessons": [(each.question, each.answer, each.source, each.amending) for each in lessons],
            "sent": [each.kind for each in sent],
            "told": [plain(each.text) for each in sent if isinstance(each, Notice)],
        }

    return await house.store.run(read)


async def in_slack(folder: Path) -> Decisions:
    staff = Staff(agents=frozenset({AGENT}), admins=frozenset({ADMIN}))
    agents_at: dict[Platform | Tenant, Place] = {Platform.SLACK: Place(Platform.SLACK, "", AGENTS_CHANNEL)}
    async with open_studio(folder, "socket", policy=Policy(staff=staff, agents_channels=agents_at)) as studio:
        slack, house = studio.slack, studio.house
        await house.add_section("Passes", "", HELP)
        await studio.ask(QUESTION)
        await slack.react(AGENT, await studio.ask(AGAIN), "pencil2")
        offer = (await until(lambda: slack.whispered(AGENT), "the offer"))[0]
        await slack.press(AGENT, offer, buttons(offer)[0])
        await until(lambda: slack.modal, "the form")
        await slack.submit(AGENT, question=QUESTION, answer=RIGHT)
        await until(lambda: slack.said()[2:], "the receipt")
        await house.bot.amending.look()
        await until(lambda: slack.said()[3:], "the word to the earlier asker")
        await studio.ask(QUESTION)
        await studio.ask(THANKS)

        direct = slack.messages[await slack.say(CUSTOMER, UNKNOWN, channel=CUSTOMER)]["channel"]
        card = (await until(lambda: slack.said(AGENTS_CHANNEL), "the card"))[0]
        await slack.say(AGENT, REPLY, AGENTS_CHANNEL, thread=card["ts"])
        offer = (await until(lambda: slack.whispered(AGENT, AGENTS_CHANNEL), "the offer to learn"))[0]
        await until(lambda: slack.said(direct)[2:], "the agent's words")
        await slack.press(AGENT, offer, buttons(offer)[0])
        await until(lambda: slack.said(direct)[3:], "the word that it is solved")
        await house.settle()
        return await decisions(house, "Ana", "Cleo")


async def on_discord(folder: Path) -> Decisions:
    agents_at: dict[Platform | Tenant, Place] = {}
    async with on_stage(folder, policy=Policy(staff=STAFF, agents_channels=agents_at)) as stage:
        agents = stage.env.guild.create_text_channel("agents")
        agents_at[Platform.DISCORD] = Place(Platform.DISCORD, str(stage.env.guild.id), str(agents.id))
        await stage.house.add_section("Passes", "", HELP)
        await stage.ask(QUESTION)
        await stage.agent.react(await stage.ask(AGAIN), "✏️")
        form = await stage.agent.click(await stage.heard(), label=ENGLISH.offer_button)
        await stage.agent.submit_modal(form, {"question": QUESTION, "text": RIGHT})
        await stage.heard()
        await replace(stage.house.bot.amending, clock=lambda: SIMCORDS_NOW).look()
        await stage.heard()
        await stage.ask(QUESTION)
        await stage.ask(THANKS)

        await stage.customer.send_dm(UNKNOWN)
        await stage.heard()
        await stage.agent.send(agents, REPLY, reply_to=agents.last_message)
        await stage.agent.click(await stage.heard_in(agents), label=ENGLISH.learn_button)
        await stage.heard()
        return await decisions(stage.house, "ann", "carl")


async def on_the_page(folder: Path) -> Decisions:
    async with open_site(folder) as site:
        await site.house.add_section("Passes", "", HELP)
        await asked_anew(site, QUESTION)
        answer = answers_in(await asked_anew(site, AGAIN))[-1]
        site.become("agent")
        await site.post("/corrections", answer=answer, question=QUESTION, text=RIGHT)
        site.become("customer")
        await site.house.bot.amending.look()
        await site.house.settle()
        await asked_anew(site, QUESTION)
        await site.post("/messages", text=THANKS)
        return await decisions(site.house, "page agent", "page customer")


async def asked_anew(site: Site, text: str) -> str:
    """In a conversation of its own."""
    site.conversation = str(uuid4())
    site.client.cookies.clear()
    site.client.cookies.set(CONVERSATION, site.conversation)
    return await site.ask(text)


async def test_the_same_story_ends_in_the_same_decisions(tmp_path: Path) -> None:
    (tmp_path / "slack").mkdir()
    (tmp_path / "discord").mkdir()
    (tmp_path / "page").mkdir()
    slack, discord = await in_slack(tmp_path / "slack"), await on_discord(tmp_path / "discord")
    assert slack == discord
    page = await on_the_page(tmp_path / "page")
    assert page["answers"] == slack["answers"][:6]
    assert page["lessons"] == slack["lessons"][:1]
    assert page["told"] == slack["told"][:2]
    assert [kind for kind, _ in slack["answers"]][:2] == ["grounded", "grounded"]
    assert {state for state, _, _ in slack["handoffs"]} == {"solved"}
