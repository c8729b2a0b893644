"""How support of a generated answer by its sources is measured."""

from hypothesis import given
from hypothesis import strategies as st

from bot.support import support

SOURCE = "The free trial lasts 21 days. Open Settings > Plans to choose one; Grove costs $69 per month."


def test_a_copy_is_fully_supported() -> None:
    assert support("The free trial lasts 21 days.", [SOURCE]) == 1.0


def test_a_foreign_number_makes_it_unsupported() -> None:
    assert support("The free trial lasts 30 days.", [SOURCE]) == 0.0


def test_invented_words_lower_it() -> None:
    assert support("Your kangaroo boards the trial balloon tomorrow.", [SOURCE]) < 0.5


def test_an_empty_answer_is_not_supported() -> None:
    assert support("", [SOURCE]) == 0.0


@given(st.text(), st.text())
def test_it_is_a_share(answer: str, source: str) -> None:
    assert 0.0 <= support(answer, [source]) <= 1.0
