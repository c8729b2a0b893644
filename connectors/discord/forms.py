"""The correction form. It is read from what Discord sends, not from memory, so it can be sent after a restart."""

import re
from typing import Any

import discord

from bot.ids import AnswerId
from bot.outgoing import CorrectionForm
from connectors.discord.surface import MAX_DESCRIPTION, MAX_FIELD, MAX_TITLE

UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"

_FORM = re.compile(rf"mentee:form:(?P<answer>{UUID})")
_QUESTION, _TEXT = "question", "text"
# The library need not keep a form that nobody sends; one that is sent later is taken all the same.
_KEPT_FOR_S = 900.0


class CorrectionModal(discord.ui.Modal):
    def __init__(self, form: CorrectionForm) -> None:
        form = form.within(MAX_FIELD)
        title = form.title[:MAX_TITLE]
        super().__init__(title=title, custom_id=f"mentee:form:{form.answer}", timeout=_KEPT_FOR_S)
        self.add_item(_field(form.question_label, _QUESTION, form.question, discord.TextStyle.short))
        self.add_item(_field(form.answer_label, _TEXT, form.text, discord.TextStyle.paragraph, form.left_out))


def submitted(interaction: discord.Interaction[Any]) -> tuple[AnswerId, str, str] | None:
    """Answer id, question and text of a sent correction form; None for anything else."""
    if interaction.type is not discord.InteractionType.modal_submit:
        return None
    data: Any = interaction.data
    found = _FORM.fullmatch(data["custom_id"])
    if found is None:
        return None
    fields = [label["component"] for label in data["components"]]
    values = {field["custom_id"]: field["value"] for field in fields}
    return AnswerId(found["answer"]), values[_QUESTION], values[_TEXT]


def _field(label: str, id: str, value: str, style: discord.TextStyle, description: str = "") -> discord.ui.Label[Any]:
    box: discord.ui.TextInput[Any] = discord.ui.TextInput(
        custom_id=id, default=value or None, max_length=MAX_FIELD, style=style
    )
    return discord.ui.Label(text=label[:MAX_TITLE], component=box, description=description[:MAX_DESCRIPTION] or None)
