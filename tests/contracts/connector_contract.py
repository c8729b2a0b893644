"""What every connector keeps to (`bot.ports.Connector`). A test class that inherits from it brings the fixture `stand`:
the connector with its platform around it, and what people read there."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from bot.answers import Answer, AnswerKind, Candidate
from bot.buttons import Act, Button
from bot.errors import DeliveryFailed
from bot.events import MessagePosted, MessageRef, Place, Reacted, Reply
from bot.ids import EventId, FactId, OutgoingId, RunId, first_id, new_id
from bot.outgoing import AnswerDraft, AnswerEdit, AnswerPost, CorrectionOffer, Notice, Offer, Outgoing, ProgressPost
from bot.people import Person
from bot.ports import Connector

TRICKS = "<!channel> <!here|x> <@U1> @everyone @here <@42> <@&700000000000000001> <script>alert(1)</script>"
WORDS = [f"word{number}" for number in range(900)]


class Stand(Protocol):
    connector: Connector
    place: Place
    """A conversation."""
    person: Person
    """Who takes part in it."""
    now: datetime
    """By the platform's clock."""

    async def seen(self) -> Sequence[str]:
        """What the bot has said there for everybody, message by message."""
        ...

    async def whispered(self) -> Sequence[str]:
        """What it has said for the person's eyes; waits for it."""
        ...

    async def asks_in_private(self) -> EventId:
        """Something that the person has done, which the platform lets the bot answer in private where it can."""
        ...

    async def delete(self, message: MessageRef) -> None: ...

    async def restart(self) -> None:
        """Another process takes over: nothing is kept but what stands on the platform."""
        ...


class RemoteStand(Stand, Protocol):
    def busy(self) -> AbstractAsyncContextManager[float | None]:
        """The platform refuses for now; after how many seconds it wants to be asked again, where it says so."""
        ...

    def away(self) -> AbstractAsyncContextManager[None]: ...

    async def say(self, text: str) -> MessageRef:
        """The person says it on the channel's floor."""
        ...


class ChatStand(RemoteStand, Protocol):
    @property
    def nowhere(self) -> Place:
        """A place that isn't there."""
        ...

    agents: str
    """The call for the agents, as it reaches them."""

    async def called(self) -> set[str]:
        """Whom the platform has called because of what the bot said."""
        ...

    async def reply(self, text: str) -> MessageRef:
        """The person says it in the conversation."""
        ...

    async def mark(self, reply: MessageRef, *, present: bool = True) -> Reacted:
        """An agent marks it as right, or takes the mark away; what the bot hears of that."""
        ...


def answer_of(text: str, kind: AnswerKind = AnswerKind.GROUNDED) -> Answer:
    candidates = (Candidate(FactId(new_id()), "How long is the trial?"),) if kind is AnswerKind.CLARIFY else ()
    return Answer(kind=kind, question="?", text=text, confidence=1.0, latency_ms=1.0, candidates=candidates)


def post(stand: Stand, text: str = "It takes a day.", kind: AnswerKind = AnswerKind.GROUNDED) -> AnswerPost:
    return AnswerPost(place=stand.place, answer=answer_of(text, kind), in_reply_to=EventId("e:1"), id=_id(stand))


def edit(stand: Stand, of: AnswerPost, message: MessageRef | None, text: str) -> AnswerEdit:
    answer = answer_of(text)
    return AnswerEdit(place=stand.place, answer=answer, of=of.answer.id, message=message, id=_id(stand))


def draft(stand: Stand, text: str) -> AnswerDraft:
    return AnswerDraft(place=stand.place, in_reply_to=EventId("e:1"), to=stand.person, text=text)


def _id(stand: Stand) -> OutgoingId:
    """An id that is as old as the platform's clock says."""
    return OutgoingId(first_id(stand.now)[:13] + new_id()[13:])


async def delivered(stand: Stand, outgoing: Outgoing) -> MessageRef:
    message = await stand.connector.deliver(outgoing)
    assert message is not None
    return message


class ConnectorContract:
    """What any connector does, the one of the tests included."""

    async def test_it_is_for_the_platform_of_its_places(self, stand: Stand) -> None:
        assert stand.connector.platform is stand.place.platform

    async def test_an_answer_of_any_kind_stands_in_its_place_and_is_named(self, stand: Stand) -> None:
        place = stand.place
        messages = [await delivered(stand, post(stand, f"It is {kind}.", kind)) for kind in AnswerKind]
        for message in messages:
            assert message == MessageRef(place.platform, place.workspace, place.channel, message.id)
        assert len(set(messages)) == len(AnswerKind)
        for text, kind in zip(await stand.seen(), AnswerKind, strict=True):
            assert f"It is {kind}." in text

    async def test_a_long_answer_is_there_to_its_last_word(self, stand: Stand) -> None:
        await delivered(stand, post(stand, " ".join(WORDS)))
        assert "".join(await stand.seen()).split().count(WORDS[-1]) == 1
        assert set(WORDS) <= set(" ".join(await stand.seen()).split())

    async def test_an_edit_is_what_stands_there_from_then_on(self, stand: Stand) -> None:
        first = post(stand)
        message = await delivered(stand, first)
        assert await stand.connector.deliver(edit(stand, first, message, "It takes two days.")) == message
        (seen,) = await stand.seen()
        assert "It takes two days." in seen
        assert "It takes a day." not in seen

    async def test_an_edit_of_what_is_gone_says_nothing_anew(self, stand: Stand) -> None:
        first = post(stand)
        message = await delivered(stand, first)
        await stand.delete(message)
        await stand.connector.deliver(edit(stand, first, message, "It takes two days."))
        assert list(await stand.seen()) == []

    async def test_an_edit_of_what_never_stood_anywhere_says_nothing(self, stand: Stand) -> None:
        assert await stand.connector.deliver(edit(stand, post(stand), None, "It takes two days.")) is None
        assert list(await stand.seen()) == []

    async def test_progress_is_one_message_with_its_newest_text(self, stand: Stand) -> None:
        message = await delivered(stand, ProgressPost(place=stand.place, run=RunId("r"), text="1 %", id=_id(stand)))
        await stand.connector.update(message, "50 %")
        assert [text.strip() for text in await stand.seen()] == ["50 %"]

    async def test_an_update_may_be_lost(self, stand: Stand) -> None:
        message = await delivered(stand, ProgressPost(place=stand.place, run=RunId("r"), text="1 %", id=_id(stand)))
        await stand.delete(message)
        await stand.connector.update(message, "50 %")
        assert list(await stand.seen()) == []

    async def test_what_is_for_one_persons_eyes_leaves_nothing_that_could_be_named(self, stand: Stand) -> None:
        event = await stand.asks_in_private()
        button = Button("Take it", Act.CLAIM, "a1")
        for outgoing in (
            Notice(place=stand.place, to=stand.person, text="A notice.", in_reply_to=event, id=_id(stand)),
            Offer(place=stand.place, to=stand.person, text="An offer.", buttons=(button,), id=_id(stand)),
            CorrectionOffer(
                place=stand.place, to=stand.person, text="A form.", button="Correct", answer=answer_of("").id,
                id=_id(stand),
            ),
        ):  # fmt: skip
            assert await stand.connector.deliver(outgoing) is None
            assert any(outgoing.text in text for text in await stand.whispered())

    async def test_a_draft_becomes_its_answer(self, stand: Stand) -> None:
        await stand.connector.draft(draft(stand, ""))
        await stand.connector.draft(draft(stand, "It takes"))
        await delivered(stand, post(stand))
        (seen,) = await stand.seen()
        assert "It takes a day." in seen

    async def test_nothing_is_left_of_a_draft_whose_answer_is_another(self, stand: Stand) -> None:
        await stand.connector.draft(draft(stand, "It takes"))
        await delivered(stand, post(stand, "I don't know.", AnswerKind.HANDOFF))
        (seen,) = await stand.seen()
        assert "It takes" not in seen


class OnceContract:
    """What any connector does whose platform keeps what it was told: an outgoing message is there once."""

    async def test_what_the_last_process_said_without_knowing_it_is_not_said_again(self, stand: Stand) -> None:
        said = post(stand)
        message = await delivered(stand, said)
        await stand.restart()
        again = await delivered(stand, said)
        assert len(await stand.seen()) == 1
        assert again == message


class RemoteContract(ConnectorContract):
    """What one does that brings things to a platform of somebody else's."""

    async def test_a_draft_of_the_last_process_is_not_left_behind(self, stand: RemoteStand) -> None:
        await stand.connector.draft(draft(stand, "It takes"))
        await stand.restart()
        await delivered(stand, post(stand))
        (seen,) = await stand.seen()
        assert "It takes a day." in seen

    async def test_a_busy_platform_is_said_to_be_tried_again_when_it_wants(self, stand: RemoteStand) -> None:
        said = post(stand)
        async with stand.busy() as wait_s:
            with pytest.raises(DeliveryFailed) as failed:
                await stand.connector.deliver(said)
        assert failed.value.retry_after_s == wait_s
        await delivered(stand, said)
        assert len(await stand.seen()) == 1

    async def test_a_platform_that_is_away_is_tried_again_for_everything(self, stand: RemoteStand) -> None:
        first = post(stand)
        message = await delivered(stand, first)
        again = (
            post(stand),
            edit(stand, first, message, "It takes two days."),
            Notice(place=stand.place, text="A notice.", id=_id(stand)),
            ProgressPost(place=stand.place, run=RunId("r"), text="1 %", id=_id(stand)),
        )
        async with stand.away():
            for outgoing in again:
                with pytest.raises(DeliveryFailed):
                    await stand.connector.deliver(outgoing)
            await stand.connector.update(message, "may be lost")
            await stand.connector.draft(draft(stand, "may be lost"))
        assert len(await stand.seen()) == 1

    async def test_its_history_has_what_was_said_and_by_whom(self, stand: RemoteStand) -> None:
        message = await stand.say("Is anybody there?")
        archive = stand.connector.archive
        assert archive is not None
        floor = replace(stand.place, thread=None)
        assert floor in await archive.channels()
        since = stand.now - timedelta(hours=1)
        seen = [each async for each in archive.look(floor, since, since)]
        (found,) = [each for each in seen if isinstance(each, MessagePosted) and each.message == message]
        assert found.text == "Is anybody there?"
        assert (await archive.identify(found.person, found.place)).id == stand.person.id
        later = stand.now + timedelta(hours=1)
        assert [each async for each in archive.look(floor, later, later)] == []


class ChatContract(RemoteContract):
    """What one does where many people read."""

    async def test_nobody_is_called_whatever_is_said(self, stand: ChatStand) -> None:
        for kind in set(AnswerKind) - {AnswerKind.HANDOFF}:
            first = post(stand, f"Hello {TRICKS}.", kind)
            message = await delivered(stand, first)
            await stand.connector.deliver(edit(stand, first, message, TRICKS))
        await stand.connector.deliver(Notice(place=stand.place, text=TRICKS, id=_id(stand)))
        await stand.connector.deliver(ProgressPost(place=stand.place, run=RunId("r"), text=TRICKS, id=_id(stand)))
        assert await stand.called() == set()

    async def test_a_hand_off_calls_the_agents_and_nobody_else(self, stand: ChatStand) -> None:
        await delivered(stand, post(stand, TRICKS, AnswerKind.HANDOFF))
        assert await stand.called() == {stand.agents}

    async def test_a_notice_that_has_to_reach_somebody_calls_the_agents(self, stand: ChatStand) -> None:
        await stand.connector.deliver(Notice(place=stand.place, text=TRICKS, calls_agents=True, id=_id(stand)))
        assert await stand.called() == {stand.agents}

    async def test_a_mark_on_a_reply_comes_with_its_words_and_its_conversation(self, stand: ChatStand) -> None:
        reply = await stand.reply("A day, or two.")
        for present in (True, False):
            heard = await stand.mark(reply, present=present)
            assert (heard.message, heard.place, heard.added) == (reply, stand.place, present)
            assert heard.reply == Reply(text="A day, or two.", author=stand.person.key)

    async def test_what_can_not_be_said_where_it_should_be_is_no_success(self, stand: ChatStand) -> None:
        with pytest.raises(Exception, match=r"[a-z]"):
            await stand.connector.deliver(replace(post(stand), place=stand.nowhere))

    async def test_what_is_private_is_not_seen_by_others(self, stand: ChatStand) -> None:
        event = await stand.asks_in_private()
        for secret in (False, True):
            notice = Notice(
                place=stand.place, to=stand.person, text=f"Private {secret}.", is_secret=secret, in_reply_to=event,
                id=_id(stand),
            )  # fmt: skip
            assert await stand.connector.deliver(notice) is None
            assert any(notice.text in text for text in await stand.whispered())
        assert list(await stand.seen()) == []


def utc_now() -> datetime:
    return datetime.now(UTC)
