"""What is to be said → Slack's blocks, with the same as plain text for notifications.

Whatever people or models wrote is escaped, and Slack is told to take it as it stands (`verbatim`): it can't call
anybody, open a channel, or hide a link's address behind a label.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from bot.answers import Answer, AnswerKind, Candidate, Source
from bot.buttons import Act, Button
from bot.handoff import Handoff
from bot.outgoing import AnswerEdit, AnswerPost, CorrectionOffer, Notice, Offer, Outgoing, ProgressPost
from bot.people import Person
from bot.presentation import attribution, handoff_buttons, handoff_lines, shown_sources
from bot.shortening import cut, shorten
from bot.texts import Texts

Block = dict[str, Any]

OFFER_ACTION = "mentee_offer"
CHOICE_ACTION = "mentee_choice_"  # each button of a message needs an id of its own: a number follows

PRESS_ACTION = "mentee_press_"  # likewise

MAX_SECTION_CHARS = 3_000
MAX_TEXT_CHARS = 10_000
"""Of all sections of a text. Slack refuses blocks of about 13,000 characters together, and counts more than is shown
(github.com/slackapi/bolt-js/issues/2509)."""
MAX_BUTTON_CHARS = 75
MAX_TITLE_CHARS = 150
MAX_LINE_CHARS = 300
MAX_ADDRESS_CHARS = 700

METADATA_TYPE = "mentee"
"""Of the metadata that all messages of the bot carry."""

_PIECES = re.compile(r"\s{1,200}|\S{1,500}")
# In escaped text. The end of a sentence is no part of an address, nor is an escaped bracket.
_ADDRESS = re.compile(r"https?://(?:(?!&[lg]t;)[^\s|])+(?<![.,:!?)\"'*_~`])")


# What Markdown takes for markup, a call, a channel or a link.
_MARKUP = re.compile(r"[<>&\[\]*_~`#|\\@]|://|[^\W\d]\.[^\W\d]")


@dataclass(frozen=True)
class Rendered:
    text: str
    blocks: list[Block]


def render(outgoing: Outgoing, texts: Texts, agents_mention: str | None) -> Rendered:
    match outgoing:
        case AnswerPost(answer=answer, handoff=handoff) | AnswerEdit(answer=answer, handoff=handoff):
            return _answer(answer, handoff, texts.in_language(answer.language), agents_mention)
        case CorrectionOffer():
            button = _button(OFFER_ACTION, outgoing.button, outgoing.answer) | {"style": "primary"}
            return _with_buttons(outgoing.text, [button, *_pressables(outgoing.more)])
        case Offer():
            return _with_buttons(outgoing.text, _pressables(outgoing.buttons))
        case Notice(text=text, calls_agents=True) if agents_mention:
            return _calling(plain(text), agents_mention)
        case Notice(text=text, calls=Person(id=person)):
            return _calling(plain(text), person)
        case Notice(text=text) | ProgressPost(text=text):
            return plain(text)


def plain(text: str) -> Rendered:
    return Rendered(mrkdwn(cut(text, MAX_SECTION_CHARS)), sections(text))


def mrkdwn(text: str) -> str:
    """Text as Slack shows it unchanged. Addresses become links that show where they lead."""
    return _ADDRESS.sub(r"<\g<0>>", escape(text))


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def is_plain(text: str) -> bool:
    """It looks the same as Markdown."""
    return _MARKUP.search(text) is None


def metadata(id: str | None) -> dict[str, Any]:
    """What makes a message findable as the bot's own; an id of the outbox makes it that very message."""
    return {"event_type": METADATA_TYPE, "event_payload": {"outgoing": id} if id is not None else {}}


def sections(text: str) -> list[Block]:
    """As many sections as Slack's limit asks for, broken between words where that can be. A text that is too long for a
    message ends in "…"."""
    chunks, full = [""], 0
    for piece in _PIECES.findall(text):
        length = len(mrkdwn(chunks[-1] + piece))
        if full + length > MAX_TEXT_CHARS:
            chunks.append("…")
            break
        if length > MAX_SECTION_CHARS:
            full += len(mrkdwn(chunks[-1]))
            chunks.append("")
        chunks[-1] += piece
    return [_section(mrkdwn(chunk)) for chunk in chunks if chunk.strip()]


# --- parts -----------------------------------------------------------------------------------------------------------


def _answer(answer: Answer, handoff: Handoff | None, texts: Texts, agents_mention: str | None) -> Rendered:
    rendered = plain(answer.text)
    if handoff is not None:
        rendered = replace(rendered, blocks=[*rendered.blocks, *sections("\n".join(handoff_lines(handoff, texts)))])
    if answer.kind is AnswerKind.HANDOFF and agents_mention:
        rendered = _calling(rendered, agents_mention)
    text, blocks = rendered.text, rendered.blocks
    if handoff is not None and (buttons := handoff_buttons(handoff, texts)):
        blocks = [*blocks, _actions(_pressables(buttons))]
    if answer.candidates:
        blocks = [*blocks, _actions(_choices(answer, texts))]
    if below := _below(answer, texts):
        blocks = [*blocks, {"type": "context", "elements": [_markup(below)]}]
    if answer.kind in (AnswerKind.KNOWN, AnswerKind.GROUNDED):
        blocks = [*blocks, _feedback(answer, texts)]
    return Rendered(text, blocks)


def _feedback(answer: Answer, texts: Texts) -> Block:
    """Slack's own pair of buttons, with words for those who hear the page instead of seeing it."""
    right = Button(texts.feedback_right, Act.APPROVE, answer.id)
    wrong = Button(texts.feedback_wrong, Act.REJECT, answer.id)
    element = {
        "type": "feedback_buttons",
        "action_id": f"{PRESS_ACTION}feedback",
        "positive_button": _feedback_button(right, texts.feedback_right_label),
        "negative_button": _feedback_button(wrong, texts.feedback_wrong_label),
    }
    return {"type": "context_actions", "elements": [element]}


def _feedback_button(button: Button, spoken: str) -> Block:
    text = {"type": "plain_text", "text": button.label, "emoji": False}
    return {"text": text, "value": button.code, "accessibility_label": cut(spoken, MAX_BUTTON_CHARS)}


def _below(answer: Answer, texts: Texts) -> str:
    """Who stands behind the answer, and what it was made from."""
    parts = [escape(cut(attribution(answer, texts), MAX_LINE_CHARS))]
    if sources := shown_sources(answer):
        parts.append(escape(texts.sources).format(sources="; ".join(map(_source, sources))))
    below = " · ".join(part for part in parts if part)
    return below if len(below) <= MAX_SECTION_CHARS else parts[0]


def _source(source: Source) -> str:
    title = escape(shorten(source.title, MAX_TITLE_CHARS))
    if source.link is None or not source.link.startswith(("https://", "http://")):
        return title
    address = escape(quote(source.link, safe="%/:?#[]@!$&'()*+,;=~"))  # nothing left that could end the link early
    return f"<{address}|{title}>" if len(address) <= MAX_ADDRESS_CHARS else title


def _choices(answer: Answer, texts: Texts) -> list[Block]:
    options = [*answer.candidates, Candidate(None, texts.none_of_these)]
    return [
        _button(f"{CHOICE_ACTION}{i}", each.question, json.dumps(_chosen(answer, each)))
        for i, each in enumerate(options)
    ]


def _chosen(answer: Answer, candidate: Candidate) -> dict[str, str | None]:
    page = {"section": candidate.section} if candidate.section is not None else {}
    return {"answer": answer.id, "fact": candidate.fact, **page}


def _calling(rendered: Rendered, mention: str) -> Rendered:
    call = _call(mention)
    return Rendered(f"{rendered.text} {call}", [*rendered.blocks, _section(call)])


def _with_buttons(text: str, buttons: list[Block]) -> Rendered:
    rendered = plain(text)
    return replace(rendered, blocks=[*rendered.blocks, _actions(buttons)])


def _pressables(buttons: Sequence[Button]) -> list[Block]:
    return [
        _button(f"{PRESS_ACTION}{i}", button.label, button.code) | ({"style": "primary"} if button.is_main else {})
        for i, button in enumerate(buttons)
    ]


def _call(mention: str) -> str:
    return f"<!subteam^{mention}>" if mention.startswith("S") else f"<@{mention}>"


def _button(action: str, label: str, value: str) -> Block:
    text = {"type": "plain_text", "text": cut(label, MAX_BUTTON_CHARS), "emoji": False}
    return {"type": "button", "action_id": action, "text": text, "value": value}


def _actions(elements: list[Block]) -> Block:
    return {"type": "actions", "elements": elements}


def _section(text: str) -> Block:
    return {"type": "section", "text": _markup(text)}


def _markup(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
