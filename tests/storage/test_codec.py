"""Every event and everything outgoing survives being kept as text."""

import math
from datetime import UTC, datetime
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from bot.answers import Answer
from bot.events import Event
from bot.outgoing import Outgoing
from storage.codec import ANSWER, EVENT, OUTGOING, REPORT, from_text, to_text
from tests.storage.samples import answer, report

st.register_type_strategy(float, st.floats(allow_nan=False))
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))

EVENTS: st.SearchStrategy[Event] = st.one_of(*map(st.from_type, get_args(Event)))
OUTGOINGS: st.SearchStrategy[Outgoing] = st.one_of(*map(st.from_type, get_args(Outgoing)))


@given(EVENTS)
def test_an_event_survives(event: Event) -> None:
    assert from_text(EVENT, to_text(EVENT, event)) == event


@given(OUTGOINGS)
def test_something_outgoing_survives(outgoing: Outgoing) -> None:
    assert from_text(OUTGOING, to_text(OUTGOING, outgoing)) == outgoing


def test_an_answer_survives_with_all_that_made_it() -> None:
    kept = from_text(ANSWER, to_text(ANSWER, answer()))
    assert isinstance(kept, Answer)
    assert isinstance(kept.sources, tuple)


def test_measurements_without_end_survive() -> None:
    kept = from_text(REPORT, to_text(REPORT, report()))
    assert kept == report()
    assert kept.evaluation is not None
    assert math.isinf(kept.evaluation.measures[0].upper)
