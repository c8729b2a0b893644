"""A ❌ may be given a reason: kept with the rating, shown, and never asked twice for."""

import pytest

from bot.buttons import Act
from bot.events import ButtonPressed
from bot.feedback import Reason
from bot.ids import AnswerId, EventId, new_id
from bot.outgoing import CorrectionOffer, Offer
from bot.people import Person
from bot.texts import ENGLISH
from tests.bot.events import ADMIN, AGENT, CUSTOMER, NOW, THREAD, command, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import House


async def asked_and_rejected(house: House, chat: FakeConnector, person: Person) -> AnswerId:
    await house.teach("Can I pause?", "Yes.")
    await house.desk.receive(message("Can I pause?"))
    await house.settle()
    await house.desk.receive(reaction("x", chat.last_message(), person))
    await house.settle()
    return chat.answers[-1].answer.id


async def says(house: House, answer: AnswerId, reason: str, person: Person) -> None:
    event = EventId(f"slack:{new_id()}")
    await house.desk.receive(
        ButtonPressed(id=event, place=THREAD, person=person, at=NOW, act=Act.REASON, about=answer, detail=reason)
    )
    await house.settle()


@pytest.mark.parametrize(("person", "kind"), [(CUSTOMER, Offer), (AGENT, CorrectionOffer)])
async def test_everybody_is_asked_why_and_a_click_is_kept(
    house: House, chat: FakeConnector, person: Person, kind: type
) -> None:
    answer = await asked_and_rejected(house, chat, person)
    offer = chat.posted[-1]
    assert isinstance(offer, kind)
    buttons = offer.buttons if isinstance(offer, Offer) else offer.more if isinstance(offer, CorrectionOffer) else ()
    assert [button.detail for button in buttons] == list(Reason)
    await says(house, answer, "wrong", person)
    await says(house, answer, "outdated", person)
    (rating,) = await house.store.run(lambda unit: unit.ratings.of(answer))
    assert (rating.reason, rating.person) == (Reason.OUTDATED, person.key)
    assert chat.notices[-1].text == ENGLISH.reason_noted.format(reason="outdated")


async def test_reasons_are_shown_by_status_and_why(house: House, chat: FakeConnector) -> None:
    answer = await asked_and_rejected(house, chat, CUSTOMER)
    await says(house, answer, "tone", CUSTOMER)
    for text in ("status", f"why {answer}"):
        await house.desk.receive(command(text, ADMIN))
        await house.settle()
        assert "Reasons of ❌: 1 tone." in chat.notices[-1].text


async def test_a_reason_needs_a_rejection_that_still_stands(house: House, chat: FakeConnector) -> None:
    answer = await asked_and_rejected(house, chat, CUSTOMER)
    await says(house, answer, "nonsense", CUSTOMER)
    await says(house, answer, "tone", AGENT)
    await house.desk.receive(reaction("x", chat.last_message(), CUSTOMER, added=False))
    await house.settle()
    await says(house, answer, "tone", CUSTOMER)
    assert [notice.text for notice in chat.notices[-3:]] == [ENGLISH.reason_without_rating] * 3
    assert (await house.desk.status()).reasons == {}
