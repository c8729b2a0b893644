"""Outgoing → HTML. Jinja escapes everything; the only markup made here is for lines, quotes and `code`."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.answers import AnswerKind
from bot.feedback import Lesson, LessonSource, facts_of
from bot.lineage import Decision, Run, RunState
from bot.outgoing import AnswerEdit, AnswerPost, CorrectionOffer, Notice, Offer, ProgressPost
from bot.people import Person
from bot.presentation import attribution, handoff_buttons, handoff_lines, shown_sources
from bot.texts import Texts
from connectors.web.board import Entry, Remembered, Said

TEMPLATES = Path(__file__).parent / "templates"

KINDS = {
    AnswerKind.KNOWN: "Known",
    AnswerKind.CLARIFY: "Did you mean",
    AnswerKind.GROUNDED: "From the help pages",
    AnswerKind.HANDOFF: "Hand-off",
}
LESSON_SOURCES = {
    LessonSource.CORRECTION: "Correction",
    LessonSource.APPROVAL: "Approved answer",
    LessonSource.TAUGHT: "Taught directly",
    LessonSource.REPLY: "Reply in a thread",
    LessonSource.FAQ: "FAQ",
}
DECISIONS = {
    Decision.PROMOTED: "Promoted",
    Decision.REJECTED: "Not promoted",
    Decision.REFUSED: "Refused",
    Decision.FAILED: "Failed",
}


@dataclass(frozen=True)
class LessonRow:
    lesson: Lesson
    source: str
    state: str
    """One of "active", "replaced", "withdrawn", "held"."""


@dataclass(frozen=True)
class Rendering:
    texts: Texts
    title: str
    is_staff: Callable[[Person], bool] = lambda _: False
    """Who is shown what led to an answer, and a hand-off's whole card; everybody else, only how it stands."""

    def page(self, template: str, **context: object) -> str:
        return self._templates.get_template(template).render(title=self.title, texts=self.texts, **context)

    def entry(self, entry: Entry, person: Person) -> str:
        """One entry as this person sees it."""
        match entry.content:
            case Said():
                template = "said.html"
            case Remembered():
                template = "remembered.html"
            case AnswerPost() | AnswerEdit():
                template = "answer.html"
            case CorrectionOffer():
                template = "offer.html"
            case Offer():
                template = "buttons.html"
            case Notice() | ProgressPost():
                template = "notice.html"
        pressed = {emoji for who, emoji in entry.pressed if who == person.key}
        is_staff = self.is_staff(person)
        return self.page(f"entries/{template}", entry=entry, it=entry.content, pressed=pressed, is_staff=is_staff)

    @cached_property
    def _templates(self) -> Environment:
        templates = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        templates.filters |= {
            "prose": prose,
            "moment": moment,
            "millis": lambda at: int(at.timestamp() * 1_000),
            "safe_link": safe_link,
            "short": lambda digest: str(digest)[:12],
            "percent": percent,
            "attribution": lambda answer: attribution(answer, self.texts),
            "shown_sources": shown_sources,
            "handoff_lines": lambda handoff: handoff_lines(handoff, self.texts),
            "handoff_buttons": lambda handoff: handoff_buttons(handoff, self.texts),
            "kind": lambda answer: KINDS[answer.kind],
            "decision": lambda decision: DECISIONS[decision],
        }
        templates.globals["icon"] = icon
        return templates


def icon(name: str) -> Markup:
    """A picture for the eye only; the words beside it say the same."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="/static/icons.svg#{}"></use></svg>').format(name)


def prose(text: str) -> Markup:
    """Lines become paragraphs, lines that begin with `>` quotes, and what stands between backticks code."""
    lines = []
    for line in text.splitlines():
        quoted = line.startswith("> ")
        tag = "blockquote" if quoted else "p"
        lines.append(Markup("<{0}>{1}</{0}>").format(Markup(tag), _with_code(line[2:] if quoted else line)))
    return Markup("").join(lines)


def _with_code(line: str) -> Markup:
    pieces = re.split(r"`([^`]+)`", line)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if i % 2 else escape(piece) for i, piece in enumerate(pieces)
    )


def moment(at: datetime) -> str:
    return f"{at:%d %b %Y, %H:%M} UTC".removeprefix("0")


def safe_link(link: str | None) -> str | None:
    """The address if it leads to a web page; anything else (`javascript:`, a file) is no link."""
    try:
        return link if link and urlsplit(link).scheme in ("http", "https") else None
    except ValueError:
        return None


def percent(run: Run) -> int:
    """How far a run is, in whole percent."""
    progress = run.progress
    return round(100 * progress.done / progress.total) if progress is not None and progress.total else 0


def lesson_rows(lessons: Sequence[Lesson]) -> list[LessonRow]:
    """Newest first, with whether each one is what the bot answers now."""
    active = {fact.lesson.id for fact in facts_of(lessons, ())}
    newest_first = sorted(lessons, key=lambda lesson: (lesson.taught_at, lesson.id), reverse=True)
    return [
        LessonRow(lesson, LESSON_SOURCES[lesson.source], _state(lesson, lesson.id in active)) for lesson in newest_first
    ]


def _state(lesson: Lesson, is_active: bool) -> str:
    if lesson.held is not None:
        return "held"
    if lesson.withdrawn_at is not None:
        return "withdrawn"
    return "active" if is_active else "replaced"


def under_way(runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if run.state is not RunState.DONE]
