"""Who may do what on Discord: each gesture and command of each kind of person, through discord.py and the connector,
up to the table's decision.

Discord knows no guests; no bot can click, type commands or send forms; simcord has no message menu in direct messages.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import discord
import simcord

from bot.access import COMMANDS, Deed, Staff
from bot.answers import Answer, AnswerKind, Candidate
from bot.buttons import Act, Button
from bot.events import Event, Place
from bot.ids import FactId, new_id
from bot.outgoing import CorrectionForm
from bot.people import Person
from bot.texts import ENGLISH
from connectors.discord.config import DiscordConfig
from connectors.discord.connector import DiscordConnector
from connectors.discord.views import candidate_view, correction_view, press_view
from tests.connectors.access import ALL, MARKS, MAY_MARK, Who, decisions, staff_naming, wanted

ANSWER = Answer(
    kind=AnswerKind.CLARIFY, question="How?", text="This?", confidence=0.5, latency_ms=0.0,
    candidates=(Candidate(FactId(new_id()), "How?"),),
)  # fmt: skip
OPTIONS: dict[str, dict[str, str]] = {
    "why": {"answer": "1"}, "blame": {"answer": "1"}, "accept": {"lesson": "1"}, "drop": {"lesson": "1"},
    "promote": {"adapter": "v1"},
}  # fmt: skip
EMOJI = {"tick": "✅", "untick": "✅", "cross": "❌", "pencil": "✏️"}
MENUS = {"mark": ENGLISH.right_answer_menu, "why menu": ENGLISH.why_menu}
OF_BOTS = ("message", *EMOJI, *MARKS)
DIRECT = (Who.EX_MEMBER, Who.UNKNOWN)


@dataclass
class WritingDesk:
    heard: list[Person] = field(default_factory=list)
    staff: Staff = field(default_factory=Staff)
    marks: frozenset[str] = frozenset({"🎯"})

    def may_mark(self, person: Person) -> bool:
        return self.staff.may(person, Deed.TEACH)

    def meet(self, _: Iterable[str]) -> None: ...

    def connected(self) -> None: ...

    async def receive(self, event: Event) -> bool:
        self.heard.append(event.person)
        return True

    async def correction_form(self, _: object, person: Person, __: Place) -> CorrectionForm:
        self.heard.append(person)
        return CorrectionForm(ANSWER.id, "Title", "Question", "q", "Answer", "a", "Teach")

    def clock(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Ground:
    """A channel or a direct message, with what the bot has said there."""

    channel: Any
    said: dict[str, Any]
    """The answer, and the messages with the buttons."""


@dataclass
class Stage:
    env: Any
    desk: WritingDesk
    people: dict[Who, Any]
    grounds: dict[Who, Ground]

    async def heard(self, who: Who, name: str) -> Person | None:
        """As whom the bot takes whoever does it; None when it takes nothing in."""
        if who is Who.UNKNOWN:
            self.env.inject_error("GET", "/guilds/*/members/*", status=500, times=None)
        person, ground = self.people[who], self.grounds[who]
        self.desk.heard.clear()
        if name in COMMANDS:
            options = (
                {"person": person if who in DIRECT else person.user} if name == "forget" else OPTIONS.get(name, {})
            )
            await person.slash(*([] if who in DIRECT else [ground.channel]), f"mentee {name}", **options)
        elif name in EMOJI:
            await person.set_reaction(ground.said["buttons"], EMOJI[name], reacted=name != "untick")
        elif name in MENUS:
            await person.context_menu(ground.channel, MENUS[name], ground.said["buttons"])
        else:
            await self._talk(person, ground, name)
        self.env.backend.faults.clear()
        return self.desk.heard[-1] if self.desk.heard else None

    async def _talk(self, person: Any, ground: Ground, name: str) -> None:
        direct = isinstance(person, simcord.UserHandle)
        match name:
            case "bullseye" | "no bullseye":
                reply = await (person.send_dm("A reply.") if direct else person.send(ground.channel, "A reply."))
                self.desk.heard.clear()
                await person.set_reaction(reply, "🎯", reacted=True)
                if name == "no bullseye":
                    self.desk.heard.clear()
                    await person.set_reaction(reply, "🎯", reacted=False)
            case "message" | "edit":
                text = f"<@{self.env.bot.user.id}> Hello"
                sent = await (person.send_dm(text) if direct else person.send(ground.channel, text))
                if name == "edit":
                    self.desk.heard.clear()
                    await person.edit(sent, f"{text} there")
            case "choice":
                await person.click(ground.said["choices"], label=ENGLISH.none_of_these)
            case "form" | "submit":
                form = await person.click(ground.said["form"], label=ENGLISH.offer_button)
                if name == "submit":
                    self.desk.heard.clear()
                    await person.submit_modal(form, {"question": "Why?", "text": "So."})
            case _:
                await person.click(ground.said["buttons"], label=name)


async def prepare(client: discord.Client, channel: Any) -> Ground:
    native = client.get_partial_messageable(channel.id)
    first = await native.send("An answer.")
    buttons = [Button(act.value, act, ANSWER.id, "wrong" if act is Act.REASON else "") for act in (
        Act.CLAIM, Act.SOLVE, Act.REASON, Act.REPLACE)]  # fmt: skip
    learn = Button("learn", Act.LEARN, f"{channel.id}/{first.id}")
    said = {
        "buttons": await native.send("A card.", view=press_view([*buttons, learn])),
        "choices": await native.send("Did you mean?", view=candidate_view(ANSWER, ENGLISH.none_of_these)),
        "form": await native.send("Correct it.", view=correction_view(ANSWER.id, ENGLISH.offer_button)),
    }
    return Ground(channel, said)


@asynccontextmanager
async def on_stage() -> AsyncIterator[Stage]:
    """Two servers: the bot's own, which it joined first, and one of somebody who invited it there."""
    desk = WritingDesk()
    connector = DiscordConnector(DiscordConfig(token="unused", shards=1), desk, ENGLISH)  # type: ignore[arg-type]
    async with simcord.run(connector.client, approved_intents=discord.Intents.all()) as env:
        own, foreign = env.create_guild(), env.create_guild()
        manages = {"permissions": discord.Permissions(manage_guild=True)}
        there = await prepare(connector.client, own.create_text_channel("support"))
        elsewhere = await prepare(connector.client, foreign.create_text_channel("support"))
        users: dict[Who, Any] = {
            who: env.create_user(who.value, bot=who is Who.BOT) for who in Who if who is not Who.GUEST
        }
        people: dict[Who, Any] = dict(users)
        for who in (Who.CUSTOMER, Who.AGENT, Who.ADMIN, Who.BOT):
            people[who] = own.add_member(users[who])
        own.add_member(users[Who.UNKNOWN])
        boss = foreign.create_role("admins", **manages)
        people[Who.STRANGER] = foreign.add_member(users[Who.STRANGER], roles=[boss])
        grounds: dict[Who, Ground] = dict.fromkeys(users, there) | {Who.STRANGER: elsewhere}
        for who in DIRECT:
            grounds[who] = await prepare(connector.client, users[who].dm_channel)
        yield Stage(env, desk, people, grounds)


def possible(who: Who, name: str) -> bool:
    if who is Who.BOT:
        return name in OF_BOTS
    return name not in MENUS if who in DIRECT else True


async def test_every_gesture_and_command_of_everybody() -> None:
    async with on_stage() as stage:
        cells = [
            (who, name) for name in sorted(ALL, key=list(ALL).index) for who in stage.people if possible(who, name)
        ]
        staff = stage.desk.staff = staff_naming({who: str(person.id) for who, person in stage.people.items()})
        heard = {(who, name): await stage.heard(who, name) for who, name in cells}
    assert {name for _, name in cells} == set(ALL)
    assert decisions(staff, heard) == wanted(heard)
    unheard = {who for (who, name), person in heard.items() if person is None and name not in MARKS}
    assert unheard <= {Who.BOT}
    marking = {who for (who, name), person in heard.items() if person is not None and name in MARKS}
    assert marking == MAY_MARK
