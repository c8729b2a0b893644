"""What somebody wrote comes back in the reply to that person alone, in that conversation, and is never on disk."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.events import MessageDeleted, MessageEdited, Place
from bot.people import Person, Platform
from bot.personal import Kind, Labels
from bot.refilling import FILLED, KEPT_FOR, MAX_KEPT, Refilling
from learning.redaction.finder import Finder
from tests.bot.events import AGENT, CUSTOMER, NOW, THREAD, correction, message
from tests.fakes.connector import FakeConnector
from tests.house import House

OLGA = Person(Platform.SLACK, "U-olga", "Olga")
QUESTION = "My address is cara@home.example. Where was the invoice sent to?"
TAUGHT = "The invoice was sent to cara@home.example."


def ask(text: str = QUESTION, person: Person = CUSTOMER, place: Place = THREAD) -> object:
    return message(text, person, place)


async def taught(house: House, chat: FakeConnector) -> None:
    """An agent answers Cara with her address in it; the lesson has a placeholder."""
    await house.desk.receive(ask())  # type: ignore[arg-type]
    await house.settle()
    await house.desk.receive(correction(chat.answers[-1].answer.id, chat.answers[-1].answer.question, TAUGHT, AGENT))
    await house.settle()
    (lesson,) = await house.desk.lessons()
    assert lesson.answer == "The invoice was sent to <EMAIL_1>."


async def test_everybody_reads_their_own_and_nobody_another_s(house: House, chat: FakeConnector) -> None:
    await taught(house, chat)
    said = []
    for number, (text, person) in enumerate((
        (QUESTION, CUSTOMER),
        (QUESTION.replace("cara@home", "olga@work"), OLGA),
        ("My address is <EMAIL_1>. Where was the invoice sent to?", OLGA),
    )):  # fmt: skip
        await house.desk.receive(ask(text, person, replace(THREAD, thread=f"{number}.1")))  # type: ignore[arg-type]
        await house.settle()
        said.append(chat.answers[-1].answer.text)
    assert said == [
        TAUGHT, "The invoice was sent to olga@work.example.", "The invoice was sent to <EMAIL_1>.",
    ]  # fmt: skip


async def test_what_is_kept_has_placeholders(house: House, chat: FakeConnector, tmp_path: Path) -> None:
    await taught(house, chat)
    await house.desk.receive(ask(place=replace(THREAD, thread="2.1")))  # type: ignore[arg-type]
    await house.settle()
    assert "cara@home.example" in chat.answers[-1].answer.text
    raw = everything_in(tmp_path)
    assert b"EMAIL_1" in raw
    assert b"cara@home" not in raw


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", [MessageEdited, MessageDeleted])
async def test_what_was_changed_or_taken_back_is_not_repeated(
    house: House, chat: FakeConnector, kind: type[MessageEdited] | type[MessageDeleted]
) -> None:
    redacting = house.desk.redacting
    assert redacting is not None
    first = message(QUESTION)
    redacting.event(first)
    assert redacting.filled("<EMAIL_1>", first.place.key, CUSTOMER) == "cara@home.example"
    words = {"text": "Where?", "posted_at": NOW} if kind is MessageEdited else {}
    gone = kind(id=first.id, place=first.place, person=CUSTOMER, at=NOW, message=first.message, **words)  # type: ignore[arg-type]
    redacting.event(gone)
    assert redacting.filled("<EMAIL_1>", first.place.key, CUSTOMER) == "<EMAIL_1>"


def test_markup_is_read_and_what_opens_something_is_not_remembered() -> None:
    refilling, labels = Refilling(lambda: NOW), Labels()
    text = "<mailto:a@b.example|a@b.example> <@U12345678> 4242 4242 4242 4242 ghp_aB3dE5gH7jK9mN1pQ3sT5uV7xY9zA1bC3dE5"
    spans = Finder().find(text)
    redacted = labels.replace(text, spans)
    assert redacted == "<EMAIL_1> <USER_1> <CARD_1> <SECRET_1>"
    refilling.remember("here", "me", labels.named(text, spans))
    assert refilling.fill(redacted, "here", "me") == "a@b.example <USER_1> <CARD_1> <SECRET_1>"
    assert {Kind.SECRET, Kind.CARD, Kind.ID, Kind.URL, Kind.USER}.isdisjoint(FILLED)
    assert "a@b" not in repr(refilling)


class Hands:
    """A clock that is moved by hand."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_after_an_hour_or_too_many_others_it_is_gone() -> None:
    clock = Hands()
    refilling = Refilling(clock)
    refilling.remember("here", "me", {"<NAME_1>": "Cara"})
    clock.now += KEPT_FOR
    assert refilling.fill("<NAME_1>", "here", "me") == "Cara"
    clock.now += timedelta(seconds=1)
    assert refilling.fill("<NAME_1>", "here", "me") == "<NAME_1>"
    for number in range(MAX_KEPT + 1):
        refilling.remember(f"{number}", "me", {"<NAME_1>": "Cara"})
    assert refilling.fill("<NAME_1>", "0", "me") == "<NAME_1>"
    assert refilling.fill("<NAME_1>", "1", "me") == "Cara"
    refilling.clear()
    assert refilling.fill("<NAME_1>", "1", "me") == "<NAME_1>"


WHO = st.sampled_from(["ann", "bo", "cy"])
WHERE = st.sampled_from(["here", "there"])


@given(st.lists(st.tuples(WHERE, WHO, st.integers(1, 3)), max_size=12), WHERE, WHO)
def test_nobody_ever_reads_what_another_wrote_or_wrote_elsewhere(
    said: list[tuple[str, str, int]], where: str, who: str
) -> None:
    refilling = Refilling(lambda: NOW)
    for place, person, number in said:
        refilling.remember(place, person, {f"<NAME_{number}>": f"[{person} {place} {number}]"})
    filled = refilling.fill("<NAME_1> <NAME_2> <NAME_3>", where, who)
    own = {number for place, person, number in said if (place, person) == (where, who)}
    assert filled.count("[") == len(own)
    assert filled.count(f"[{who} {where} ") == len(own)
