"""What is said looks right in Slack, and nothing that a person or a model wrote can call anybody or hide a link."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.answers import Answer, AnswerKind, Candidate, Confirmation, Source, SourceKind
from bot.events import Place
from bot.ids import AnswerId, FactId, LessonId, RunId, SectionId
from bot.outgoing import AnswerPost, CorrectionOffer, Notice, Outgoing, ProgressPost
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.slack.rendering import (
    MAX_SECTION_CHARS,
    MAX_TEXT_CHARS,
    Block,
    Rendered,
    escape,
    mrkdwn,
    render,
    sections,
)

PLACE = Place(Platform.SLACK, "T1", "C1", "1.2")
ANN = Person(Platform.SLACK, "U1", "Ann")

# What Slack would act upon, were it not escaped: a call, a channel, a link under a label.
_ACTIVE = re.compile(r"<[!@#]|<[^<>]*\|")
_DANGEROUS = "<!channel> <!here|x> <@U1> <#C1|general> <https://evil.example|your bank> &lt;@U1&gt; https://x|<@U2>"
_TRICKS = [*"<>!@#|&; ab\n/:", "https://", "<!here>", "&lt;", "<@U1>", "<https://x|y>"]
hostile = st.lists(st.sampled_from(_TRICKS), max_size=30).map("".join)
_WORDS = ["a", "<", "&", "\n", " ", "https://a.example/x?y&z", "w" * 700]
lengthy = st.lists(st.sampled_from(_WORDS), max_size=12).map(lambda words: "".join(words) * 20)


def answer(text: str, kind: AnswerKind = AnswerKind.GROUNDED, **more: Any) -> Answer:
    return Answer(kind=kind, question="?", text=text, confidence=0.9, latency_ms=1.0, **more)


def shown(outgoing: Outgoing, mention: str | None = None) -> Rendered:
    return render(outgoing, ENGLISH, mention)


def post(answer: Answer) -> AnswerPost:
    return AnswerPost(place=PLACE, answer=answer)


def markup_of(rendered: Rendered) -> list[str]:
    """Every text that Slack would read markup in."""
    found = [rendered.text]

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("type") == "mrkdwn":
                assert node["verbatim"] is True
                found.append(node["text"])
            node = list(node.values())
        if isinstance(node, list):
            for each in node:
                walk(each)

    walk(rendered.blocks)
    return found


def outgoings(text: str) -> list[Outgoing]:
    """The text wherever a person's or a model's words can come in."""
    confirmed = Confirmation(LessonId("l"), text, datetime(2026, 11, 22, tzinfo=UTC))
    sources = (Source(SourceKind.SECTION, "s", text), Source(SourceKind.SECTION, "s", "title", f"ftp://{text}"))
    return [
        post(answer(text, sources=sources)),
        post(answer(text, AnswerKind.KNOWN, confirmation=confirmed, sources=sources)),
        post(answer(text, AnswerKind.CLARIFY, candidates=(Candidate(FactId("f"), text),))),
        post(answer(text, AnswerKind.HANDOFF)),
        Notice(place=PLACE, text=text),
        ProgressPost(place=PLACE, text=text, run=RunId("r")),
        CorrectionOffer(place=PLACE, answer=AnswerId("a"), to=ANN, text=text, button=text),
    ]


@given(hostile)
def test_no_words_of_people_or_models_are_active(text: str) -> None:
    for outgoing in outgoings(text):
        for markup in markup_of(shown(outgoing)):
            assert not _ACTIVE.search(markup)


@pytest.mark.parametrize("kind", AnswerKind)
def test_the_known_tricks_come_out_as_plain_characters(kind: AnswerKind) -> None:
    text = markup_of(shown(post(answer(_DANGEROUS, kind))))[1]
    assert text.startswith(
        "&lt;!channel&gt; &lt;!here|x&gt; &lt;@U1&gt; &lt;#C1|general&gt; &lt;<https://evil.example>|"
    )


@given(hostile)
def test_a_sources_link_leads_only_where_the_source_says(rest: str) -> None:
    source = Source(SourceKind.SECTION, "s", "A › B", f"https://help.example/{rest}")
    below = markup_of(shown(post(answer("Yes.", sources=(source,)))))[-1]
    links = re.findall(r"<([^<>]*)>", below)
    assert len(links) == 1
    assert re.fullmatch(r"https://help\.example/[^|<>\s]*\|A › B", links[0])


@given(lengthy)
def test_long_texts_are_split_and_nothing_is_lost_that_a_message_can_hold(text: str) -> None:
    spoken = [block["text"]["text"] for block in sections(text)]
    assert all(0 < len(part) <= MAX_SECTION_CHARS for part in spoken)
    without_links = re.sub(r"<(https[^<>]*)>", r"\1", "".join(spoken))
    shown, whole = "".join(without_links.split()), "".join(escape(text).split())
    if shown.endswith("…"):
        assert len("".join(spoken)) > MAX_TEXT_CHARS - 3_000
        assert whole.startswith(shown.removesuffix("…"))
    else:
        assert shown == whole


def parts_of(node: Any) -> Iterator[Block]:
    if isinstance(node, dict):
        yield node
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from parts_of(each)


@given(lengthy)
@example("&" * 8_000)
@example("https://a.example/" + "é" * 2_000)
def test_no_words_make_a_message_that_slack_refuses(text: str) -> None:
    linked = (Source(SourceKind.SECTION, "s", text, f"https://a.example/{text}"),) * 3
    for outgoing in [*outgoings(text), post(answer("Yes.", sources=linked))]:
        rendered = shown(outgoing, "S0AGENTS")
        assert (len(rendered.text) <= 40_000, len(rendered.blocks) <= 50) == (True, True)
        found = list(parts_of(rendered.blocks))
        assert sum(len(each["text"]) for each in found if isinstance(each.get("text"), str)) <= 13_000
        for each in found:
            if each.get("type") == "mrkdwn":
                assert len(each["text"]) <= MAX_SECTION_CHARS
            if each.get("type") == "button":
                assert (len(each["text"]["text"]) <= 75, len(each["value"]) <= 2_000) == (True, True)


def test_a_split_falls_between_words() -> None:
    blocks = sections("word " * 1_000)
    assert len(blocks) == 2
    assert {word for block in blocks for word in block["text"]["text"].split()} == {"word"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See https://help.example/a?x=1&y=2.", "See <https://help.example/a?x=1&amp;y=2>."),
        ("(https://help.example)", "(<https://help.example>)"),
        ("javascript:alert(1)", "javascript:alert(1)"),
    ],
)
def test_addresses_become_links_that_show_where_they_lead(text: str, expected: str) -> None:
    assert mrkdwn(text) == expected


def test_a_known_answer_says_who_confirmed_it_and_links_its_source() -> None:
    confirmed = Confirmation(LessonId("l"), "Ann", datetime(2026, 11, 22, tzinfo=UTC))
    source = Source(SourceKind.SECTION, "s", "Refunds", "https://help.example/refunds")
    rendered = shown(post(answer("Within 14 days.", AnswerKind.KNOWN, confirmation=confirmed, sources=(source,))))
    assert rendered.text == "Within 14 days."
    assert rendered.blocks[0]["text"]["text"] == "Within 14 days."
    below = rendered.blocks[1]["elements"][0]["text"]
    assert below == "Confirmed by Ann on 22 Nov 2026 · Sources: <https://help.example/refunds|Refunds>"


def test_did_you_mean_has_a_button_for_each_and_one_for_none() -> None:
    long = "How do I " + "very " * 30 + "much cancel?"
    asked = answer(
        "Did you mean?",
        AnswerKind.CLARIFY,
        candidates=(
            Candidate(FactId("f1"), "Cancel a class?"), Candidate(FactId("f2"), long),
            Candidate(None, "📖 Classes", SectionId("s1")),
        ),
    )  # fmt: skip
    buttons = shown(post(asked)).blocks[1]["elements"]
    assert [json.loads(button["value"]) for button in buttons] == [
        {"answer": asked.id, "fact": "f1"},
        {"answer": asked.id, "fact": "f2"},
        {"answer": asked.id, "fact": None, "section": "s1"},
        {"answer": asked.id, "fact": None},
    ]
    texts = [button["text"]["text"] for button in buttons]
    assert (texts[0], *texts[2:]) == ("Cancel a class?", "📖 Classes", ENGLISH.none_of_these)
    assert len(texts[1]) == 75
    assert len({button["action_id"] for button in buttons}) == 4


@pytest.mark.parametrize(("mention", "call"), [("S0AGENTS", "<!subteam^S0AGENTS>"), ("U0ANN", "<@U0ANN>")])
def test_a_hand_off_calls_the_agents(mention: str, call: str) -> None:
    rendered = shown(post(answer("I don't know.", AnswerKind.HANDOFF)), mention)
    assert rendered.blocks[-1]["text"]["text"] == call
    assert rendered.text == f"I don't know. {call}"


def test_other_answers_call_nobody() -> None:
    assert "S0AGENTS" not in str(shown(post(answer("Yes.", AnswerKind.KNOWN)), "S0AGENTS").blocks)


def test_an_offer_has_a_button_that_names_the_answer() -> None:
    offer = CorrectionOffer(place=PLACE, answer=AnswerId("a1"), to=ANN, text="Correct it.", button="Correct")
    button = shown(offer).blocks[-1]["elements"][0]
    assert (button["value"], button["text"]["text"]) == ("a1", "Correct")
