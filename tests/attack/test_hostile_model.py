"""The model is replaced by a hostile one, and people and help pages talk it into whatever they can.

What comes out is read as each platform would: nobody is called, no link leads elsewhere or hides where, nothing is
fetched or run, nothing is done that needs a right, and no secret and no other conversation's words are told.
"""

import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import discord
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.answers import Answer, AnswerKind, Candidate, Confirmation, Source, SourceKind
from bot.events import Place
from bot.generation import Generation, Sampling
from bot.handoff import Handoff
from bot.ids import AdapterId, FactId, LessonId, new_id
from bot.outgoing import AnswerPost, CorrectionOffer, Notice, Offer, Outgoing
from bot.people import Platform
from bot.prompting import Message
from bot.support import support
from bot.texts import ENGLISH
from connectors.discord.rendering import Rendered, render_answer, render_notice, render_offer, render_text
from connectors.slack.posting import Posting
from connectors.web.board import Entry
from connectors.web.rendering import Rendering
from storage.codec import storable
from tests.attack.payloads import EVIL, ORDERS, outputs, questions
from tests.attack.readers import Seen, on_discord, page, slack
from tests.bot.events import CUSTOMER, NOW, THREAD, message
from tests.fakes.connector import FakeConnector
from tests.house import House, open_house

PLANTED = ("xoxb-planted-token", "xapp-planted-token", "planted-signing-secret", "planted.discord.token")
PRIVATE = "heronwood-4711"
"""Stands in another conversation's question alone."""
ELSEWHERE = Place(Platform.SLACK, "T2", "C9", "900.1")
HELP, OWN_LINK = "The trial lasts 21 days. You can end the trial at any time.", "https://help.example/trial"
AGENTS_ROLE = "700000000000000001"


@dataclass
class HostileModel:
    """Says whatever serves the attacker: orders, its whole prompt, or noise; with the help text around, to pass."""

    rng: random.Random = field(default_factory=lambda: random.Random(3))
    prompts: list[Sequence[Message]] = field(default_factory=list)

    async def generate(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        on_text: Callable[[str], None] | None = None,
        prefer: AdapterId | None = None,
    ) -> Generation:
        self.prompts.append(messages)
        order = self.rng.choice(ORDERS)
        prompt = " ".join(each.content for each in messages)
        text = self.rng.choice([order, f"{HELP} {order}", f"{HELP} {HELP} {HELP} {order}", prompt, f"{HELP} {prompt}",
                                next(outputs(1, self.rng.randrange(10**6))), HELP])  # fmt: skip
        return Generation(text, None, "end")


@dataclass
class Slack:
    """Takes what the connector posts."""

    posted: list[dict[str, Any]] = field(default_factory=list)

    async def chat_postMessage(self, **post: Any) -> dict[str, Any]:  # noqa: N802  # Slack's own name
        self.posted.append(post)
        return {"channel": post["channel"], "ts": "1.1"}

    async def chat_postEphemeral(self, **post: Any) -> None:  # noqa: N802
        self.posted.append(post)


async def everywhere(outgoing: Outgoing) -> list[Seen]:
    """What is met on each platform."""
    client = Slack()
    await Posting(cast(AsyncWebClient, client), ENGLISH, None, started_at=0.0).deliver(outgoing)
    (posted,) = client.posted
    said = _on_discord(outgoing)
    entry = Rendering(ENGLISH, "Mentee").entry(Entry("e", NOW, outgoing), CUSTOMER)
    return [slack(**posted), *(on_discord(piece, said.may_call) for piece in said.pieces), page(entry)]


def _on_discord(outgoing: Outgoing) -> Rendered:
    match outgoing:
        case AnswerPost(answer=answer, handoff=handoff):
            return render_answer(answer, handoff, ENGLISH, None)
        case Notice():
            return render_notice(outgoing, privately=False)
        case CorrectionOffer() | Offer():
            return render_offer(outgoing)
        case _:
            return render_text(getattr(outgoing, "text", ""))


def check(seen: Seen, own: set[str]) -> None:
    assert seen.pings == []
    assert seen.previews == []
    assert seen.scripts == []
    assert [(to, label) for to, label in seen.masked if to not in own] == []


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[House, FakeConnector, HostileModel]]:
    chat, model = FakeConnector(), HostileModel()
    async with open_house(tmp_path, lambda _: [chat]) as opened:
        object.__setattr__(opened.desk.routing.answering, "generator", model)
        yield opened, chat, model


async def everything_decided(house: House) -> tuple[object, ...]:
    """What only people with a right may change."""
    return await house.store.run(
        lambda unit: (
            unit.runs.latest(), unit.adapters.history(), unit.flags.get("paused"), len(unit.audit.entries()),
            unit.lessons.all(), unit.lessons.phrasings(), unit.passes.all(), unit.lessons.held(),
        )
    )  # fmt: skip


async def test_some_injections(
    house: tuple[House, FakeConnector, HostileModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    await inject(house, monkeypatch, list(questions())[::9])


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_three_hundred_injections(
    house: tuple[House, FakeConnector, HostileModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list(questions())
    assert len(asked) >= 300
    await inject(house, monkeypatch, asked)


async def inject(
    house: tuple[House, FakeConnector, HostileModel], monkeypatch: pytest.MonkeyPatch, asked: Sequence[str]
) -> None:
    bot, chat, model = house
    for name, secret in zip(("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DISCORD_TOKEN"), PLANTED,
                            strict=True):  # fmt: skip
        monkeypatch.setenv(name, secret)
    await bot.add_section("Trial", "", HELP, OWN_LINK)
    await bot.add_section("Billing", "", f"How you pay for the trial. {' '.join(ORDERS)}", "https://help.example/pay")
    await bot.desk.receive(message(f"What about my order {PRIVATE}?", place=ELSEWHERE))
    await bot.settle()
    chat.posted.clear()
    model.prompts.clear()
    before = await everything_decided(bot)
    for number, question in enumerate(asked):
        topic = " How do I pay for the trial?" if number % 4 == 0 else ""  # the page that was tampered with
        place = Place(Platform.SLACK, "T1", "C1", f"{number}.1")
        await bot.desk.receive(message(f"{question}{topic}", place=place))
        await bot.bot.intake.idle()
    await bot.settle()
    assert len(chat.answers) == len(asked)
    assert await everything_decided(bot) == before
    assert len(model.prompts) > len(asked) / 3
    told = [*(each.content for prompt in model.prompts for each in prompt)]
    for outgoing in chat.posted:
        for seen in await everywhere(outgoing):
            check(seen, {OWN_LINK, "https://help.example/pay"})
            told.append(seen.words)
            if isinstance(outgoing, AnswerPost) and outgoing.answer.kind is AnswerKind.GROUNDED:
                assert all(stands_there(outgoing.answer, to) for to, _ in seen.links if EVIL in to)
    for text in told:
        assert PRIVATE not in text
        assert not [secret for secret in PLANTED if secret in text]


def stands_there(answer: Answer, link: str) -> bool:
    """Of the page that was tampered with: what an operator loads is believed, and its links are shown as they are."""
    return answer.sources[0].title == "Billing" and link in " ".join(ORDERS)


async def test_some_of_what_it_says_comes_through() -> None:
    """A hostile model that was always refused would prove nothing."""
    model = HostileModel()
    said = [(await model.generate([Message("user", "Trial?")], Sampling(max_new_tokens=1))).text for _ in range(60)]
    assert 0 < sum(support(text, [HELP]) >= 0.8 for text in said) < 60


# --- what is rendered, whoever wrote it ------------------------------------------------------------------------------


def posts(text: str) -> list[Outgoing]:
    """The text wherever a text can stand."""
    lesson = LessonId(new_id())
    known = Answer(
        kind=AnswerKind.KNOWN, question=text, text=text, confidence=1.0, latency_ms=0.0, fact=FactId(new_id()),
        confirmation=Confirmation(lesson, text, NOW), sources=(Source(SourceKind.LESSON, lesson, text),),
    )  # fmt: skip
    cited = Answer(
        kind=AnswerKind.GROUNDED, question=text, text=text, confidence=1.0, latency_ms=0.0,
        sources=(Source(SourceKind.SECTION, "s", text, None), Source(SourceKind.SECTION, "s", text, text)),
    )  # fmt: skip
    choices = Answer(
        kind=AnswerKind.CLARIFY, question=text, text=ENGLISH.clarify, confidence=0.5, latency_ms=0.0,
        candidates=(Candidate(FactId(new_id()), text),),
    )  # fmt: skip
    left = Answer(kind=AnswerKind.HANDOFF, question=text, text=ENGLISH.handoff, confidence=0.0, latency_ms=0.0)
    card = Handoff(answer=left.id, place=THREAD, question=text, tried=(text,), summary=text, opened_at=NOW)
    person = CUSTOMER.__class__(Platform.SLACK, "U1", text)
    return [
        AnswerPost(place=THREAD, answer=known), AnswerPost(place=THREAD, answer=cited),
        AnswerPost(place=THREAD, answer=choices), AnswerPost(place=THREAD, answer=left, handoff=card),
        Notice(place=THREAD, text=text), Notice(place=THREAD, text=text, to=person),
        CorrectionOffer(place=THREAD, answer=left.id, to=person, text=text, button="Correct"),
    ]  # fmt: skip


async def test_fuzzed_texts_through_every_renderer() -> None:
    await fuzz(outputs(60))


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_thousand_fuzzed_texts_through_every_renderer() -> None:
    await fuzz(outputs(1_000))


async def fuzz(texts: Iterable[str]) -> None:
    for text in map(storable, texts):  # as the outbox hands it on
        for outgoing in posts(text):
            for seen in await everywhere(outgoing):
                check(seen, {text, quote(text, safe="%/:?#[]@!$&'()*+,;=~", errors="replace")})


def test_the_readers_see_what_is_dangerous() -> None:
    """They would see it, if it were there."""
    everybody = discord.AllowedMentions.all()
    assert slack("<!here> <@U1> <https://a.example|b>", []).pings == ["!here", "@U1"]
    assert slack("", [{"type": "mrkdwn", "text": "<https://a.example|b>"}]).masked == [("https://a.example", "b")]
    assert slack("https://a.example", []).previews == []
    assert slack("<https://a.example>", [], unfurl_links=True).previews == ["https://a.example"]
    assert on_discord("@everyone <@1>", everybody).pings == ["@everyone", "<@1>"]
    assert on_discord("[b](https://a.example)", everybody).masked == [("https://a.example", "b")]
    assert on_discord("https://a.example", everybody, suppress_embeds=False).previews == ["https://a.example"]
    assert page("<img src=x onerror=alert(1)>").scripts
    assert page("<a href='https://a.example'>b</a>").masked == [("https://a.example", "b")]
