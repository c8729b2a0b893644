"""When the agents are there, and how much of a wait was within it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingError
from bot.opening_hours import ALWAYS_OPEN, parse_opening_hours

BERLIN = parse_opening_hours("Mo-Fr 09:00-17:00, Sa 10:00-14:00 Europe/Berlin")
FRIDAY_EVENING = datetime(2026, 11, 6, 15, 45, tzinfo=UTC)  # 16:45 in Berlin
TIMES = st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone


def test_a_wait_over_the_weekend_counts_only_while_somebody_is_there() -> None:
    monday = datetime(2026, 11, 9, 8, 15, tzinfo=UTC)  # 09:15 in Berlin
    assert BERLIN.open_time(FRIDAY_EVENING, monday) == timedelta(minutes=15 + 4 * 60 + 15)


def test_the_clock_on_the_wall_decides_in_summer_and_winter() -> None:
    assert BERLIN.is_open(datetime(2026, 7, 6, 7, 30, tzinfo=UTC))
    assert not BERLIN.is_open(datetime(2026, 11, 9, 7, 30, tzinfo=UTC))


def test_without_a_setting_it_is_always_open() -> None:
    assert parse_opening_hours(" ") is ALWAYS_OPEN
    assert ALWAYS_OPEN.open_time(FRIDAY_EVENING, FRIDAY_EVENING + timedelta(days=2)) == timedelta(days=2)


@pytest.mark.parametrize(
    "text", ["Mo", "Mo-Fr 9-17", "Fr-Mo 09:00-17:00", "Mo 17:00-09:00", "Mo 09:00-17:00 Nowhere/Atlantis", "Xx 1:1"]
)
def test_what_cannot_be_read_is_named_with_an_example(text: str) -> None:
    with pytest.raises(SettingError, match=r"MENTEE_OPENING_HOURS.*Mo-Fr 09:00-17:00"):
        parse_opening_hours(text)


@given(TIMES, TIMES)
def test_open_time_is_a_part_of_the_time(one: datetime, other: datetime) -> None:
    since, until = sorted((one, other))
    part = BERLIN.open_time(since, until)
    assert timedelta() <= part <= until - since
    middle = since + (until - since) / 2
    assert BERLIN.open_time(since, middle) + BERLIN.open_time(middle, until) == part
