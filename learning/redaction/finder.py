"""All kinds of personal data in one text, and what chat markup makes of them. Implements `bot.ports.PersonalData`."""

import re
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence

from bot.personal import PLACEHOLDER, Kind, Span
from learning.redaction.contacts import emails, ips, phones
from learning.redaction.names import Roster, introduced
from learning.redaction.numbers import cards, ibans, ids
from learning.redaction.secrets import LINK, links, secrets

FindSpans = Callable[[str], Iterable[Span]]
FINDERS = (secrets, links, emails, ips, introduced)
OF_NUMBERS = (ibans, cards, ids, phones)
"""What they find has a digit in it."""
DIGIT = re.compile(r"\d")
MENTION = re.compile(r"<@[!]?[UW]?[A-Z0-9]{5,24}(?:\|[^<>]*)?>|(?<![\w.])@[UW][A-Z0-9]{7,20}\b")
MARKUP = re.compile(r"<(?:mailto:|tel:|https?://)[^<>]{1,4096}>", re.IGNORECASE)
PRECEDENCE = {kind: place for place, kind in enumerate(Kind)}


class Finder:
    """Finds personal data by rules: patterns, check digits, and the names it was told."""

    def __init__(self, unknown_names: FindSpans = lambda _: ()) -> None:
        """`unknown_names` finds names of people whom nobody told."""
        self._roster = Roster()
        self._unknown_names = unknown_names

    def meet(self, name: str) -> None:
        """Hear of somebody: from now on the name is personal."""
        self._roster.add(name)

    def among(self, names: Iterable[str]) -> "Finder":
        """One that has met these people alone."""
        other = Finder(self._unknown_names)
        for name in names:
            other.meet(name)
        return other

    def find(self, text: str) -> Sequence[Span]:
        """Spans that don't overlap, in the order of the text. Text that is redacted already has none."""
        finders = FINDERS + OF_NUMBERS if DIGIT.search(text) else FINDERS
        spans = [span for finder in finders for span in finder(text)]
        links = [found.span() for found in LINK.finditer(text)]
        names = [*self._roster.find(text), *self._unknown_names(text)]
        spans += [span for span in names if not _is_within(span, links)]
        spans += [Span(found.start(), found.end(), Kind.USER) for found in MENTION.finditer(text)]
        done = [found.span() for found in PLACEHOLDER.finditer(text)]
        spans = [span for span in spans if not _is_within(span, done)]
        return _apart([_with_markup(span, text) for span in spans])


def _is_within(span: Span, others: Sequence[tuple[int, int]]) -> bool:
    """True when the span has a character in common with one of the others, which are apart and in order."""
    ahead = bisect_right(others, span.start, key=lambda other: other[1])
    return ahead < len(others) and others[ahead][0] < span.end


def _with_markup(span: Span, text: str) -> Span:
    """The whole of <mailto:a@b|a@b>, if the span stands in one: else half of it would stay."""
    opening = text.rfind("<", 0, span.start + 1)
    markup = MARKUP.match(text, opening) if opening >= 0 else None
    if markup is None or markup.end() < span.end:
        return span
    return Span(opening, markup.end(), span.kind)


def _apart(spans: list[Span]) -> list[Span]:
    """Of spans that overlap, the one that contains the others; else the one whose kind goes first."""
    kept: list[tuple[int, int]] = []
    found: list[Span] = []
    for span in sorted(_whole(spans), key=lambda span: (PRECEDENCE[span.kind], span.start - span.end, span.start)):
        if not _is_within(span, kept):
            insort(kept, (span.start, span.end))
            found.append(span)
    return sorted(found)


def _whole(spans: Iterable[Span]) -> list[Span]:
    """The spans that lie within no longer one. The earlier one begins, and the longer it is, the sooner it is seen."""
    whole: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        last = whole[-1] if whole else None
        if last is None or span.end > last.end or (span.start, span.end) == (last.start, last.end):
            whole.append(span)
    return whole
