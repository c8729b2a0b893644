"""Dataclasses of `bot` ↔ JSON text, for what needs no columns of its own."""

import json
from typing import Annotated, TypeVar

from pydantic import Field, TypeAdapter

from bot.answers import Answer
from bot.erasure import Certificate
from bot.events import Event, MessageRef, Place
from bot.handoff import Handoff
from bot.installations import Installation
from bot.lineage import Adapter, Progress, Report
from bot.outgoing import Outgoing
from bot.people import Person

T = TypeVar("T")

EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])
OUTGOING: TypeAdapter[Outgoing] = TypeAdapter(Annotated[Outgoing, Field(discriminator="kind")])
ANSWER = TypeAdapter(Answer)
HANDOFF = TypeAdapter(Handoff)
PLACE = TypeAdapter(Place)
PERSON = TypeAdapter(Person)
MESSAGE_REF = TypeAdapter(MessageRef)
ADAPTER = TypeAdapter(Adapter)
PROGRESS = TypeAdapter(Progress)
REPORT = TypeAdapter(Report)
CERTIFICATE = TypeAdapter(Certificate)
INSTALLATION = TypeAdapter(Installation)


def to_text(kind: TypeAdapter[T], value: T) -> str:
    """JSON in which infinity and NaN survive: a broken adapter's evaluation has them."""
    return storable(json.dumps(kind.dump_python(value, mode="json"), ensure_ascii=False))


def from_text(kind: TypeAdapter[T], text: str) -> T:
    return kind.validate_python(json.loads(text))


def storable(text: str) -> str:
    """The text with question marks for what a database refuses: NUL, and lone halves of character pairs.

    A cut-off emoji must not cost the message that it stands in.
    """
    return text.replace("\0", "?").encode("utf-8", "replace").decode()
