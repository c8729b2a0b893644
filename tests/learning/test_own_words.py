"""What the base model is heard to say: usable texts alone, the same ones each time; and those that are kept."""

import json
from itertools import count, islice
from pathlib import Path

import pytest

from learning import own_words
from learning.dataset import OWN_WORDS_FILE, general_examples
from learning.examples import question_of
from learning.models import resolve_base_model
from learning.own_words import LEAST_CHARS, MOST_CHARS, WANTED, said
from tests.learning.model_cache import CACHE


def assert_usable(pairs: list[tuple[str, str]]) -> None:
    assert len({question for question, _ in pairs}) == len(pairs)
    assert all(LEAST_CHARS <= len(text) <= MOST_CHARS and text.isascii() for pair in pairs for text in pair)


@pytest.mark.slow
def test_the_bundled_model_says_usable_texts_and_the_same_ones_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_words, "AT_ONCE", 8)
    folder = resolve_base_model("bundled:smollm2-135m", CACHE).folder
    heard = list(islice(said(folder), 3))
    assert_usable(heard)
    assert list(islice(said(folder), 3)) == heard


def test_the_file_has_what_was_said_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Progress is shown beside it."""
    monkeypatch.setattr(own_words, "said", lambda _: ((f"Question {i}?", "Yes.") for i in count()))
    own_words.main(Path("nowhere"))
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["question"] for row in rows] == [f"Question {i}?" for i in range(WANTED)]


def test_what_is_kept_is_as_much_as_was_wanted_and_usable() -> None:
    kept = general_examples("replay", OWN_WORDS_FILE)
    assert len(kept) == WANTED
    assert_usable([(question_of(example), example.answer) for example in kept])
