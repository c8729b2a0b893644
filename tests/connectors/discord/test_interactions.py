"""Commands, buttons and forms: what the desk gets, and how the private answer comes back."""

from typing import Any

import discord
import pytest

from bot.answers import Answer, AnswerKind, Candidate
from bot.errors import DatabaseError, DatabaseHeld
from bot.events import CandidateChosen, CommandGiven, CorrectionSubmitted, Event, Place
from bot.ids import AnswerId, FactId, RunId, SectionId, new_id
from bot.outgoing import AnswerPost, CorrectionForm, CorrectionOffer, Notice, ProgressPost
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.discord.connector import DiscordConnector
from connectors.discord.interactions import OPEN_FOR
from tests.connectors.discord.conftest import WritingDesk

ANSWER = AnswerId(new_id())
PAGE = "0123456789abcdef" * 2


def only(desk: WritingDesk) -> Any:
    (event,) = desk.received
    return event


@pytest.mark.parametrize(
    ("command", "options", "text"),
    [
        ("help", {}, "help"),
        ("status", {}, "status"),
        ("optout", {}, "optout"),
        ("optin", {}, "optin"),
        ("why", {"answer": "https://discord.com/channels/1/2/3"}, "why https://discord.com/channels/1/2/3"),
        ("blame", {"answer": "https://discord.com/channels/1/2/3"}, "blame https://discord.com/channels/1/2/3"),
        ("adapters", {}, "adapters"),
        ("retrain", {}, "retrain"),
        ("retrain", {"dry_run": True}, "retrain --dry-run"),
        ("promote", {"adapter": "v3; rollback"}, "promote 'v3; rollback'"),
        ("rollback", {}, "rollback"),
        ("review", {}, "review"),
        ("accept", {"lesson": "0a1b"}, "accept 0a1b"),
        ("drop", {"lesson": "0a1b"}, "drop 0a1b"),
        ("pause", {}, "pause"),
        ("resume", {}, "resume"),
        ("settings", {}, "settings"),
        ("login", {}, "login"),
    ],
)
async def test_every_command_becomes_one_event(
    desk: WritingDesk, env: Any, channel: Any, alice: Any, command: str, options: dict[str, Any], text: str
) -> None:
    result = await alice.slash(channel, f"mentee {command}", **options)

    event = only(desk)
    assert isinstance(event, CommandGiven)
    assert event.text == text
    assert event.place == Place(Platform.DISCORD, str(env.guild.id), str(channel.id))
    assert event.person == Person(
        Platform.DISCORD, str(alice.id), "alice", language="en-US"
    )  # as simcord's people see it
    assert result.deferred
    assert result.ephemeral


async def test_what_a_command_brings_is_for_its_person_alone(
    connector: DiscordConnector, desk: WritingDesk, channel: Any, alice: Any
) -> None:
    result = await alice.slash(channel, "mentee status")
    event = only(desk)

    for text in ("First.", "Second @everyone."):
        ref = await connector.deliver(Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person))
        assert ref is None

    assert (result.response.content, result.response.ephemeral) == ("First.", True)
    assert [(more.content, more.ephemeral) for more in result.followups] == [("Second @\u200beveryone.", True)]
    assert channel.history() == []


async def test_after_a_quarter_of_an_hour_the_channel_is_told(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any, alice: Any
) -> None:
    await alice.slash(channel, "mentee status")
    event = only(desk)
    await env.advance_time(OPEN_FOR.total_seconds())

    await connector.deliver(Notice(place=event.place, in_reply_to=event.id, text="Late.", to=event.person))

    assert channel.last_message.content == "**alice**: Late."


@pytest.mark.parametrize("status", [401, 404])
async def test_an_interaction_that_discord_has_closed_is_answered_in_the_channel(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any, alice: Any, status: int
) -> None:
    await alice.slash(channel, "mentee status")
    event = only(desk)
    env.inject_error("POST", "/webhooks/*", status=status)

    await connector.deliver(Notice(place=event.place, in_reply_to=event.id, text="Late.", to=event.person))

    assert channel.last_message.content == "**alice**: Late."


async def test_a_command_whose_outcome_is_public_stops_thinking(
    connector: DiscordConnector, desk: WritingDesk, channel: Any, alice: Any
) -> None:
    result = await alice.slash(channel, "mentee retrain")
    event = only(desk)

    ref = await connector.deliver(
        ProgressPost(place=event.place, in_reply_to=event.id, run=RunId(new_id()), text="Training.")
    )

    assert ref is not None
    assert [str(message.id) for message in channel.history()] == [ref.id]
    assert result.response is None


@pytest.mark.parametrize(
    ("problem", "text"),
    [(DatabaseError("the disk is full"), ENGLISH.broke), (DatabaseHeld("another program has it"), ENGLISH.not_kept)],
)
async def test_a_broken_desk_is_told_to_the_person(
    desk: WritingDesk, env: Any, channel: Any, alice: Any, monkeypatch: pytest.MonkeyPatch, problem: Exception,
    text: str,
) -> None:  # fmt: skip
    async def broken(_: Event) -> bool:
        raise problem

    monkeypatch.setattr(desk, "receive", broken)

    result = await alice.slash(channel, "mentee status")

    assert (result.response.content, result.response.ephemeral) == (text, True)


# --- buttons ----------------------------------------------------------------------------------------------------------


async def clarifying(connector: DiscordConnector, env: Any, channel: Any, root: Any) -> tuple[Answer, Any]:
    answer = Answer(
        kind=AnswerKind.CLARIFY, question="refund?", text=ENGLISH.clarify, confidence=0.5, latency_ms=1.0,
        candidates=(
            Candidate(FactId(new_id()), "How do I get a refund?"), Candidate(None, "📖 Refunds", SectionId(PAGE)),
        ), id=ANSWER,
    )  # fmt: skip
    place = Place(Platform.DISCORD, str(env.guild.id), str(channel.id), str(root.id))
    await connector.deliver(AnswerPost(place=place, answer=answer))
    return answer, channel.last_message


async def test_a_candidate_is_chosen_in_its_conversation_without_a_word_of_its_own(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any, alice: Any
) -> None:
    root = await alice.send(channel, "refund?")
    answer, message = await clarifying(connector, env, channel, root)
    desk.received.clear()

    chosen = await alice.click(message, label="How do I get a refund?")
    await alice.click(message, label="📖 Refunds")
    await alice.click(message, label=ENGLISH.none_of_these)

    choices = [event for event in desk.received if isinstance(event, CandidateChosen)]
    assert [(event.fact, event.section) for event in choices] == [
        (answer.candidates[0].fact, None), (None, PAGE), (None, None)
    ]  # fmt: skip
    first = choices[0]
    assert {event.answer for event in choices} == {ANSWER}
    assert first.place == Place(Platform.DISCORD, str(env.guild.id), str(channel.id), str(root.id))
    assert chosen.acknowledged
    assert chosen.followups == []


# --- the form ---------------------------------------------------------------------------------------------------------


class FormDesk(WritingDesk):
    """Everybody may correct everything, and every answer is `text`."""

    text = "Wrong."

    async def correction_form(self, answer: Any, person: Person, place: Place) -> CorrectionForm:
        return CorrectionForm(
            answer=ANSWER, title="T" * 60, question_label="Q" * 60, question="refund?", answer_label="A",
            text=self.text, submit_label="Teach", left_out="Too long to be shown.",
        )  # fmt: skip


class TestForm:
    @pytest.fixture
    def desk(self) -> FormDesk:
        return FormDesk()

    @pytest.fixture
    async def offer(self, connector: DiscordConnector, env: Any, channel: Any, alice: Any) -> Any:
        place = Place(Platform.DISCORD, str(env.guild.id), str(channel.id))
        to = Person(Platform.DISCORD, str(alice.id), "alice")
        await connector.deliver(
            CorrectionOffer(place=place, answer=ANSWER, to=to, text=ENGLISH.offer, button=ENGLISH.offer_button)
        )
        return channel.last_message

    async def test_the_button_opens_it_and_what_is_sent_becomes_an_event(
        self, desk: FormDesk, alice: Any, offer: Any
    ) -> None:
        form = await alice.click(offer, label=ENGLISH.offer_button)
        sent = await alice.submit_modal(form, {"question": "How?", "text": "Right."})

        event = only(desk)
        assert isinstance(event, CorrectionSubmitted)
        assert (event.answer, event.question, event.text) == (ANSWER, "How?", "Right.")
        assert sent.acknowledged

    async def test_it_can_be_sent_after_a_restart(
        self, connector: DiscordConnector, desk: FormDesk, env: Any, alice: Any, offer: Any
    ) -> None:
        form = await alice.click(offer, label=ENGLISH.offer_button)
        await env.restart_bot(DiscordConnector(connector._config, desk, ENGLISH).client)  # type: ignore[arg-type]
        await alice.submit_modal(form, {"question": "How?", "text": "Right."})

        assert only(desk).text == "Right."

    async def test_an_answer_that_is_too_long_for_it_is_not_prefilled_in_part(
        self, desk: FormDesk, alice: Any, offer: Any
    ) -> None:
        desk.text = "x" * 4_001

        form = await alice.click(offer, label=ENGLISH.offer_button)

        question, text = (label["component"] for label in form.modal["components"])
        assert form.modal["components"][1]["description"] == "Too long to be shown."
        assert question["value"] == "refund?"
        assert text.get("value") is None
        assert text["max_length"] == 4_000

    async def test_the_message_menu_opens_it_on_any_message(self, channel: Any, alice: Any) -> None:
        message: discord.Message = await alice.send(channel, "Anything.")

        form = await alice.context_menu(channel, ENGLISH.offer_button, message)

        assert form.modal["custom_id"] == f"mentee:form:{ANSWER}"
