"""Buttons. All they know is in their custom ids, so that they work after a restart, and for as long as they stand."""

import re
from collections.abc import Sequence
from typing import Any, Self

import discord

from bot.answers import Answer
from bot.buttons import Act, parse_code
from bot.buttons import Button as CoreButton
from bot.ids import AnswerId, FactId, SectionId
from bot.shortening import cut, shorten
from connectors.discord.forms import UUID
from connectors.discord.interactions import Interactions
from connectors.discord.parsing import button_pressed, candidate_chosen
from connectors.discord.surface import MAX_BUTTON_LABEL

Interaction = discord.Interaction[Any]
Button = discord.ui.Button[Any]

_NONE = "none"
_PAGE = "page-"


class CandidateButton(
    discord.ui.DynamicItem[Button],
    template=rf"mentee:choice:(?P<answer>{UUID}):(?:{_NONE}|(?P<fact>{UUID})|{_PAGE}(?P<section>[0-9a-f-]{{32,36}}))",
):
    """One of the "did you mean" buttons; with neither fact nor section, "none of these"."""

    def __init__(
        self, answer: AnswerId, fact: FactId | None, section: SectionId | None = None, label: str = ""
    ) -> None:
        self.answer = answer
        self.fact = fact
        self.section = section
        chosen = fact or (_PAGE + section if section is not None else _NONE)
        style = discord.ButtonStyle.secondary if chosen == _NONE else discord.ButtonStyle.primary
        super().__init__(Button(label=label, style=style, custom_id=f"mentee:choice:{answer}:{chosen}"))

    @classmethod
    async def from_custom_id(cls, interaction: Interaction, item: Any, match: re.Match[str], /) -> Self:
        fact = FactId(match["fact"]) if match["fact"] is not None else None
        section = SectionId(match["section"]) if match["section"] is not None else None
        return cls(AnswerId(match["answer"]), fact, section)

    async def callback(self, interaction: Interaction) -> None:
        front: Interactions = interaction.client.interactions
        await front.take(interaction, candidate_chosen(interaction, self.answer, self.fact, self.section))


class CorrectionButton(discord.ui.DynamicItem[Button], template=rf"mentee:correct:(?P<answer>{UUID})"):
    """Opens the correction form."""

    def __init__(self, answer: AnswerId, label: str = "") -> None:
        self.answer = answer
        super().__init__(Button(label=label, style=discord.ButtonStyle.primary, custom_id=f"mentee:correct:{answer}"))

    @classmethod
    async def from_custom_id(cls, interaction: Interaction, item: Any, match: re.Match[str], /) -> Self:
        return cls(AnswerId(match["answer"]))

    async def callback(self, interaction: Interaction) -> None:
        front: Interactions = interaction.client.interactions
        await front.open_form(interaction, self.answer)


class PressButton(discord.ui.DynamicItem[Button], template=r"mentee:press:(?P<code>[a-z]+:[\w/-]+:[a-z]*)"):
    """Any of the core's buttons; what it means is its code."""

    def __init__(self, code: str, label: str = "", *, is_main: bool = False) -> None:
        self.code = code
        style = discord.ButtonStyle.primary if is_main else discord.ButtonStyle.secondary
        super().__init__(Button(label=cut(label, MAX_BUTTON_LABEL), style=style, custom_id=f"mentee:press:{code}"))

    @classmethod
    async def from_custom_id(cls, interaction: Interaction, item: Any, match: re.Match[str], /) -> Self:
        return cls(match["code"])

    async def callback(self, interaction: Interaction) -> None:
        front: Interactions = interaction.client.interactions
        act, about, detail = parse_code(self.code)
        if act is Act.LEARN:
            await front.mark(interaction, about)
        else:
            await front.take(interaction, button_pressed(interaction, act, about, detail))


def press_view(buttons: Sequence[CoreButton]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(PressButton(button.code, button.label, is_main=button.is_main))
    return view


def candidate_view(answer: Answer, none_of_these: str) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for candidate in answer.candidates:
        label = shorten(candidate.question, MAX_BUTTON_LABEL)
        view.add_item(CandidateButton(answer.id, candidate.fact, candidate.section, label))
    return view.add_item(CandidateButton(answer.id, None, label=none_of_these))


def correction_view(answer: AnswerId, label: str, more: Sequence[CoreButton] = ()) -> discord.ui.View:
    view = discord.ui.View(timeout=None).add_item(CorrectionButton(answer, cut(label, MAX_BUTTON_LABEL)))
    for button in more:
        view.add_item(PressButton(button.code, button.label, is_main=button.is_main))
    return view
