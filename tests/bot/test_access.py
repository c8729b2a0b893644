"""The table of access decides: each gesture and command, by each kind of person, run through the whole core.

That connectors report people as they are is tested with them (`tests/connectors/*/test_access.py`).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.access import COMMANDS, NEEDED, Deed
from bot.buttons import Act
from bot.events import ButtonPressed, Event, MessageRef, Reply, ReplyMarked
from bot.feedback import DEFAULT_EMOJI, Gesture, Hold, Lesson, LessonSource
from bot.ids import EventId, FactId, LessonId, new_id
from bot.outgoing import AnswerPost, CorrectionOffer, Notice, Offer, Outgoing
from bot.people import OPERATOR, Person, Role
from bot.policy import Policy
from bot.ports import Unit
from bot.texts import ENGLISH
from tests.bot.events import ADMIN, AGENT, CUSTOMER, NOW, THREAD, chosen, command, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

PEOPLE = {
    "customer": CUSTOMER,
    "agent": AGENT,
    "admin": ADMIN,
    "operator": OPERATOR,
    "outsider named as admin": replace(ADMIN, id="U-guest", is_outsider=True, is_workspace_admin=True),
    "unverified admin": replace(ADMIN, is_unverified=True, is_workspace_admin=True),
    "bot named as admin": replace(ADMIN, id="U-bot", is_bot=True, is_workspace_admin=True),
}
ROLES = (Role.CUSTOMER, Role.AGENT, Role.ADMIN, Role.OPERATOR, Role.CUSTOMER, Role.CUSTOMER, Role.NOBODY)
REFUSALS = {ENGLISH.not_agent, ENGLISH.handoff_not_agent, ENGLISH.not_verified}
ARGUMENTS = {"promote": " v1", "why": " 1", "blame": " 1", "accept": " 1", "drop": " 1", "forget": " U-nobody"}


class Undone(Exception):
    """Ends a transaction that was only to be looked at."""


@dataclass
class Scene:
    house: House
    known: AnswerPost
    handoff: AnswerPost
    clarify: AnswerPost
    held: Lesson

    def event(self, name: str, person: Person) -> Event:
        place = self.known.place
        at = MessageRef(place.platform, place.workspace, place.channel, self.known.id)
        if name in COMMANDS:
            return command(name + ARGUMENTS.get(name, ""), person)
        match name:
            case "message":
                return message("How long is the trial?", person)
            case "choice" | "choice that teaches":
                return chosen(self.clarify.answer, self.clarify.answer.candidates[0].fact, person)
            case "cross" | "pencil" | "tick" | "tick that teaches":
                emoji = {"cross": "❌", "pencil": "✏"}.get(name, "✅")
                return reaction(emoji, at, person)
            case "form":
                return correction(self.known.answer.id, "How long is the trial?", "30 days.", person)
            case "mark":
                return ReplyMarked(**_happened(person), reply=replace(at, id="1"), text="It lasts for 30 days.")
            case "bullseye":
                reply = Reply(text="It lasts for 30 days.")
                return replace(reaction("🎯", replace(at, id="1"), person), reply=reply)
            case "claim" | "solve":
                return ButtonPressed(**_happened(person), act=Act(name), about=self.handoff.answer.id)
            case _:
                raise AssertionError(name)

    async def outcome(self, event: Event) -> tuple[list[Outgoing], int, int]:
        """What would be said; how many lessons and phrasings, and how many ratings it would add. Nothing of it
        stays."""
        effect = await self.house.bot.intake.routing(event)
        seen: list[Outgoing] = []
        added = rated = 0

        def learnt(unit: Unit) -> int:
            return len(unit.lessons.all()) + len(unit.lessons.phrasings())

        def trial(unit: Unit) -> None:
            nonlocal added, rated
            before, ratings = learnt(unit), len(unit.ratings.of(self.known.answer.id))
            seen.extend(effect(unit))
            added, rated = learnt(unit) - before, len(unit.ratings.of(self.known.answer.id)) - ratings
            raise Undone

        with pytest.raises(Undone):
            await self.house.store.run(trial)
        return seen, added, rated


def _happened(person: Person) -> dict[str, Any]:
    return {"id": EventId(f"slack:{new_id()}"), "place": THREAD, "person": person, "at": NOW}


GESTURES = {
    "message": Deed.ASK,
    "choice": Deed.CHOOSE,
    "choice that teaches": Deed.TEACH,
    "tick": Deed.RATE,
    "tick that teaches": Deed.TEACH,
    "cross": Deed.RATE,
    "pencil": Deed.TEACH,
    "form": Deed.TEACH,
    "mark": Deed.TEACH,
    "bullseye": Deed.TEACH,
    "claim": Deed.TAKE,
    "solve": Deed.TAKE,
}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    chat = FakeConnector()
    policy = Policy(staff=STAFF, emoji={**DEFAULT_EMOJI, "🎯": Gesture.MARK})
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as house:
        await house.teach("How long is the trial?", "21 days.")
        for text in ("So how long is the trial?", "Is the trial something else altogether?", "Why is the sky blue?"):
            await house.desk.receive(message(text))
            await house.settle()
        known, clarify, handoff = chat.answers
        held = Lesson(
            id=LessonId(new_id()), fact=FactId(new_id()), question="Q?", answer="A.", author="slack:U-x",
            author_name="X", source=LessonSource.CORRECTION, taught_at=NOW, about=None,
        )  # fmt: skip

        def hold(unit: Unit) -> None:
            unit.lessons.add(held)
            unit.lessons.hold(held.id, Hold.UNRELATED, NOW)

        await house.store.run(hold)
        yield Scene(house, known, handoff, clarify, held)


def allowed(name: str, said: list[Outgoing], added: int, rated: int) -> bool:
    texts = {each.text for each in said if isinstance(each, Notice | Offer | CorrectionOffer)}
    if name in COMMANDS:
        verb_refused = {text.format(verb=name) for text in (ENGLISH.not_admin, ENGLISH.not_staff)}
        return bool(said) and not texts & (verb_refused | REFUSALS)
    if name in ("message", "choice"):
        return any(isinstance(each, AnswerPost) for each in said)
    if name in ("cross", "tick"):
        return rated > 0
    if name in ("claim", "solve", "pencil"):
        return bool(said) and not texts & REFUSALS
    return added > 0


async def test_every_cell_of_the_table(scene: Scene) -> None:
    decided, wanted = {}, {}
    for (who, person), role in zip(PEOPLE.items(), ROLES, strict=True):
        for name in (*GESTURES, *sorted(COMMANDS)):
            decided[who, name] = allowed(name, *await scene.outcome(scene.event(name, person)))
            wanted[who, name] = role >= NEEDED[GESTURES.get(name) or Deed(name)]
    assert decided == wanted
