"""What goes out, as Discord shows it: texts, buttons, who may be called. Sends nothing."""

from dataclasses import dataclass, field

import discord

from bot.answers import Answer, AnswerKind, Source
from bot.handoff import Handoff
from bot.ids import OutgoingId
from bot.outgoing import CorrectionOffer, Notice, Offer
from bot.people import Person
from bot.presentation import attribution, handoff_buttons, handoff_lines, shown_sources
from bot.texts import Texts
from connectors.discord.markdown import neutral, one_line, split
from connectors.discord.surface import MAX_MESSAGE
from connectors.discord.views import candidate_view, correction_view, press_view


@dataclass(frozen=True)
class Rendered:
    """One or more messages; the buttons stand below the last."""

    pieces: list[str]
    view: discord.ui.View | None = None
    may_call: discord.AllowedMentions = field(default_factory=discord.AllowedMentions.none)


def render_answer(answer: Answer, handoff: Handoff | None, texts: Texts, agents_role: str | None) -> Rendered:
    """`agents_role` is called by a hand-off; everything else calls nobody."""
    called = agents_role if answer.kind is AnswerKind.HANDOFF else None
    below = [_small(_sources(answer, texts)), _small(attribution(answer, texts))]
    if handoff is not None:
        below += [f"> {one_line(line)}" for line in handoff_lines(handoff, texts)]
    if called is not None:
        below.append(f"<@&{called}>")
    return Rendered(
        pieces=_with_lines_below(split(neutral(answer.text)), [line for line in below if line]),
        view=_answer_view(answer, handoff, texts),
        may_call=_only_role(called) if called is not None else discord.AllowedMentions.none(),
    )


def render_offer(offer: CorrectionOffer | Offer) -> Rendered:
    pieces = split(_addressed(offer.to, offer.text))
    if isinstance(offer, Offer):
        return Rendered(pieces, press_view(offer.buttons))
    return Rendered(pieces, correction_view(offer.answer, offer.button, offer.more))


def _answer_view(answer: Answer, handoff: Handoff | None, texts: Texts) -> discord.ui.View | None:
    if answer.candidates:
        return candidate_view(answer, texts.none_of_these)
    buttons = handoff_buttons(handoff, texts) if handoff is not None else ()
    return press_view(buttons) if buttons else None


def render_notice(notice: Notice, *, privately: bool, agents_role: str | None = None) -> Rendered:
    """In a channel a notice for one person says for whom it is, in words that call nobody."""
    if notice.calls_agents and agents_role is not None:
        return Rendered(split(f"{neutral(notice.text)} <@&{agents_role}>"), may_call=_only_role(agents_role))
    if notice.calls is not None:
        person = notice.calls.id
        called = discord.AllowedMentions(everyone=False, users=[discord.Object(int(person))], roles=False)
        return Rendered(split(f"{neutral(notice.text)} <@{person}>"), may_call=called)
    if notice.to is None or privately:
        return Rendered(split(neutral(notice.text)))
    return Rendered(split(_addressed(notice.to, notice.text)))


def render_text(text: str) -> Rendered:
    return Rendered(split(neutral(text)))


def nonce(outgoing: OutgoingId, part: int) -> str:
    """The same for every attempt at the same message, within Discord's 25 characters: the end of a UUIDv7 is random."""
    return f"{outgoing.replace('-', '')[-20:]}.{part}"


def _addressed(person: Person, text: str) -> str:
    return neutral(f"**{' '.join(person.name.split())}**: {text}" if person.name else text)


def _sources(answer: Answer, texts: Texts) -> str:
    cited = [_cited(source) for source in shown_sources(answer)]
    return texts.sources.format(sources=", ".join(cited)) if cited else ""


def _cited(source: Source) -> str:
    """A link in angle brackets shows its whole target, and no preview."""
    link = source.link or ""
    is_plain = link.startswith(("https://", "http://")) and not any(char.isspace() or char in "<>" for char in link)
    return f"{source.title} (<{link}>)" if is_plain else source.title


def _small(line: str) -> str:
    return f"-# {one_line(line)}" if line else ""


def _with_lines_below(pieces: list[str], below: list[str]) -> list[str]:
    if not below:
        return pieces
    tail = "\n".join(below)
    if pieces and len(pieces[-1]) + 1 + len(tail) <= MAX_MESSAGE:
        return [*pieces[:-1], f"{pieces[-1]}\n{tail}"]
    return [*pieces, *split(tail)]


def _only_role(role: str) -> discord.AllowedMentions:
    return discord.AllowedMentions(everyone=False, users=False, roles=[discord.Object(int(role))], replied_user=False)
