"""Requests → events. Decides nothing: whatever has the right shape goes on to the bot, which answers or refuses."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from bot.buttons import Act, parse_code
from bot.errors import BadInput
from bot.events import (
    ButtonPressed,
    CandidateChosen,
    CommandGiven,
    CorrectionSubmitted,
    MessagePosted,
    MessageRef,
    Place,
    Reacted,
    ReplyMarked,
)
from bot.ids import SHARED, AnswerId, EventId, FactId, SectionId, Tenant
from bot.people import Person, Platform

WORKSPACE = "page"
RoleName = Literal["customer", "agent", "admin"]
ROLES: tuple[RoleName, ...] = ("customer", "agent", "admin")


def keepable(text: str) -> str:
    """Without what no database can keep: NULs, and the halves of characters that a cut may leave."""
    return text.replace("\0", "").encode(errors="replace").decode()


Text = Annotated[str, AfterValidator(keepable)]
ShortText = Annotated[Text, Field(max_length=100)]


class Request(BaseModel):
    """What every request of the page says: an id, so that sending it twice is one event, and the conversation."""

    id: UUID
    conversation: UUID

    @property
    def event_id(self) -> EventId:
        return EventId(f"web:{self.id}")

    @property
    def place(self) -> Place:
        """As if the operator's people were before the page: who is, knows the page (`Visitor.place`)."""
        return place_of(self.conversation)


class Ask(Request):
    text: Text

    def event(self, person: Person, at: datetime) -> MessagePosted:
        return MessagePosted(
            id=self.event_id, place=self.place, person=person, at=at, text=self.text,
            message=message_of(self.place, str(self.id)), mentions_bot=False, opens_thread=False,
        )  # fmt: skip


class React(Request):
    message: ShortText
    emoji: ShortText
    added: bool

    def event(self, person: Person, at: datetime) -> Reacted:
        return Reacted(
            id=self.event_id, place=self.place, person=person, at=at,
            message=message_of(self.place, self.message), emoji=self.emoji, added=self.added,
        )  # fmt: skip


class Choose(Request):
    answer: ShortText
    fact: ShortText | None
    section: ShortText | None = None

    def event(self, person: Person, at: datetime) -> CandidateChosen:
        return CandidateChosen(
            id=self.event_id, place=self.place, person=person, at=at, answer=AnswerId(self.answer),
            fact=FactId(self.fact) if self.fact is not None else None,
            section=SectionId(self.section) if self.section is not None else None,
        )  # fmt: skip


class Press(Request):
    code: ShortText

    def event(self, person: Person, at: datetime, said: Callable[[str], str]) -> ButtonPressed | ReplyMarked:
        """`said` gives the words of a message that stands on the page. Raises BadInput for what is no button."""
        try:
            act, about, detail = parse_code(self.code)
        except ValueError:
            raise BadInput("That is no button of this page. Reload it and try again.") from None
        if act is not Act.LEARN:
            return ButtonPressed(
                id=self.event_id, place=self.place, person=person, at=at, act=act, about=about, detail=detail
            )
        message = about.rpartition("/")[2]
        return ReplyMarked(
            id=self.event_id, place=self.place, person=person, at=at, reply=message_of(self.place, message),
            text=said(message),
        )  # fmt: skip


class Correct(Request):
    answer: ShortText
    question: Text
    text: Text

    def event(self, person: Person, at: datetime) -> CorrectionSubmitted:
        return CorrectionSubmitted(
            id=self.event_id, place=self.place, person=person, at=at, answer=AnswerId(self.answer),
            question=self.question, text=self.text,
        )  # fmt: skip


class Command(Request):
    text: Text

    def event(self, person: Person, at: datetime) -> CommandGiven:
        return CommandGiven(id=self.event_id, place=self.place, person=person, at=at, text=self.text)


def place_of(conversation: UUID, tenant: Tenant = SHARED) -> Place:
    """A conversation on the page, of somebody who came from a workspace; of the operator's people otherwise."""
    return Place(Platform.WEB, tenant or WORKSPACE, str(conversation), is_direct=True)


def message_of(place: Place, id: str) -> MessageRef:
    """The same from whichever workspace somebody came: its conversation has an id of its own."""
    return MessageRef(place.platform, WORKSPACE, place.channel, id)


def role_named(text: str | None) -> RoleName:
    """The role that a cookie names; a customer for whatever else stands there."""
    return next((role for role in ROLES if role == text), "customer")


def person_as(role: RoleName) -> Person:
    """Who sits before the page: one person, who tries it out in different roles."""
    return Person(Platform.WEB, f"page-{role}", f"page {role}", groups=frozenset({f"web:{role}"}))
