"""The correction form: the core's form → a Slack modal, and what comes back → the core's event. Pure."""

import json
from datetime import datetime
from typing import Any

from bot.events import CorrectionSubmitted, Place
from bot.ids import AnswerId, EventId
from bot.outgoing import CorrectionForm
from bot.people import Platform
from bot.shortening import cut
from bot.texts import Texts
from connectors.slack.parsing import Identity, Payload, clicker

CORRECTION_VIEW = "mentee_correction"
QUESTION_FIELD = "question"
ANSWER_FIELD = "answer"

MAX_TITLE_CHARS = 24
MAX_LABEL_CHARS = 2_000
MAX_INPUT_CHARS = 3_000


def correction_view(form: CorrectionForm, place: Place) -> dict[str, Any]:
    form = form.within(MAX_INPUT_CHARS)
    context = {"answer": form.answer, "channel": place.channel, "thread": place.thread, "direct": place.is_direct}
    return {
        "type": "modal",
        "callback_id": CORRECTION_VIEW,
        "title": _text(cut(form.title, MAX_TITLE_CHARS)),
        "submit": _text(cut(form.submit_label, MAX_TITLE_CHARS)),
        "private_metadata": json.dumps(context),
        "blocks": [
            _input(QUESTION_FIELD, form.question_label, form.question),
            _input(ANSWER_FIELD, form.answer_label, form.text, form.left_out),
        ],
    }


def correction_submitted(body: Payload, bot: Identity, at: datetime) -> CorrectionSubmitted:
    """The view's id and hash name the submission: sent twice, it is still one."""
    view = body["view"]
    context = json.loads(view["private_metadata"])
    return CorrectionSubmitted(
        id=EventId(f"slack:{view['id']}:{view['hash']}"),
        place=Place(Platform.SLACK, bot.team, context["channel"], context["thread"], context["direct"]),
        person=clicker(body),
        at=at,
        answer=AnswerId(context["answer"]),
        question=_typed(view, QUESTION_FIELD),
        text=_typed(view, ANSWER_FIELD),
    )


def empty_fields(submitted: CorrectionSubmitted, texts: Texts) -> dict[str, str]:
    """What to say at which field, while the form is still open and nothing typed is lost."""
    fields = {QUESTION_FIELD: submitted.question, ANSWER_FIELD: submitted.text}
    return {field: texts.empty_lesson for field, typed in fields.items() if not typed.strip()}


def _typed(view: Payload, field: str) -> str:
    return view["state"]["values"][field][field]["value"] or ""


def _input(field: str, label: str, value: str, hint: str = "") -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": field, "multiline": True, "max_length": MAX_INPUT_CHARS}
    if value:
        element["initial_value"] = value
    block = {"type": "input", "block_id": field, "label": _text(cut(label, MAX_LABEL_CHARS)), "element": element}
    return block | {"hint": _text(cut(hint, MAX_LABEL_CHARS))} if hint else block


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
