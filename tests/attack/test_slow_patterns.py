"""Texts that are made to keep a pattern busy: each is read in a process that is given up for hanging after a while.

How long they take isn't looked at. A pattern that tries every way to part them would take hours.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.capturing import MAX_ANSWER_CHARS
from bot.consent import may_train
from bot.personal import Kind, Span
from bot.support import support
from learning.redaction.finder import PRECEDENCE, Finder, _apart
from learning.sources.cleaning import MAX_RAW_CHARS, Cleaner, Cleaning, plain, to_the_point, unsigned
from learning.sources.html import read_html
from learning.sources.items import FaqRow
from learning.sources.markdown import sections_of
from learning.sources.report import DataReport

HANGS_S = 60
LONG = 200_000


def clean(text: str) -> None:
    for step in (plain, unsigned, to_the_point):
        step(text)
    Cleaner(Cleaning(), DataReport()).objection(FaqRow("k", "How?", text[:MAX_ANSWER_CHARS]))


def redact(text: str) -> None:
    finder = Finder()
    finder.meet("Ann Bo")
    finder.find(text[:40_000])


READERS: tuple[tuple[Callable[[str], object], Sequence[str]], ...] = (
    (clean, ["thanks ", "\n", " ", "<a href='http://x'>", "<a ", "<@|", "please let us know "]),
    (redact, ["-eyJaaaaaaaa", "a@b.co ", "a at b dot "]),
    (lambda text: sections_of("a.md", text), ["# ", "---\n", "# a" + " " * 999]),
    (lambda text: read_html("a.html", f"<pre>{text}</pre>"), [" "]),
    (lambda text: support("Open Plans.", [text]), ["a"]),
    (lambda text: may_train(text, ""), ["by "]),
)


def read_all() -> None:
    for read, units in READERS:
        for unit in units:
            print(f"it was reading {unit!r}", flush=True)
            read("x" * (unit == " ") + unit * (LONG // len(unit)) + "\x01x")


def test_no_text_holds_its_reader_up() -> None:
    code = f"from {__name__} import read_all; read_all()"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=HANGS_S)


def test_what_is_too_long_is_cut_and_said_to_be() -> None:
    cleaner = Cleaner(Cleaning(), DataReport())
    entry, too_long = cleaner.bounded(FaqRow("k", "How?", "a" * (MAX_RAW_CHARS + 1), phrasings=("And how?",)))
    assert len(entry.answer) == MAX_RAW_CHARS
    assert "longer than" in too_long
    fits = FaqRow("k", "How?", "a" * MAX_RAW_CHARS)
    assert cleaner.bounded(fits) == (fits, "")


spans = st.builds(
    lambda start, length, kind: Span(start, start + length, kind),
    st.integers(0, 20), st.integers(1, 8), st.sampled_from(list(Kind)),
)  # fmt: skip


@given(st.lists(spans, max_size=12))
def test_what_is_kept_of_spans_is_what_comparing_each_with_each_would_keep(found: list[Span]) -> None:
    def contains(outer: Span, inner: Span) -> bool:
        longer = outer.end - outer.start > inner.end - inner.start
        return longer and outer.start <= inner.start and inner.end <= outer.end

    kept: list[Span] = []
    whole = [span for span in found if not any(contains(other, span) for other in found)]
    for span in sorted(whole, key=lambda span: (PRECEDENCE[span.kind], span.start - span.end, span.start)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    assert _apart(found) == sorted(kept)
