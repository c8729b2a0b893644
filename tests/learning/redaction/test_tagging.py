"""Names that nobody told the bot, by the model of the extra `names`; and how they join what the rules find."""

from collections.abc import Iterator

import pytest

from bot.personal import Kind, Labels, Span
from learning.redaction.finder import Finder
from learning.redaction.tagging import NameTagger, resolve_tagger
from tests.learning.model_cache import CACHE, needs


def redacted(finder: Finder, text: str) -> str:
    return Labels().replace(text, finder.find(text))


def capitalised(text: str) -> Iterator[Span]:
    """Every word that begins with M: a model that is often wrong."""
    start = 0
    for word in text.split(" "):
        if word.startswith("M"):
            yield Span(start, start + len(word), Kind.NAME)
        start += len(word) + 1


def test_what_a_model_finds_joins_what_the_rules_find() -> None:
    finder = Finder(capitalised)
    assert redacted(finder, "ask Mara or m@x.example now") == "ask <NAME_1> or <EMAIL_1> now"
    assert redacted(finder, "see https://x.example/?a=1 Mara") == "see https://x.example/?a=1 <NAME_1>"
    assert redacted(Finder(lambda text: [Span(0, len(text), Kind.NAME)]), "<NAME_7>") == "<NAME_7>"
    assert redacted(Finder(), "ask Mara now") == "ask Mara now"


@pytest.fixture(scope="module")
def tagger() -> NameTagger:
    return resolve_tagger(CACHE)


@needs("en-core-web-sm")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Please ask Margaret Holloway about the invoice.", "Please ask <NAME_1> about the invoice."),
        ("my colleague peter johnson can't log in", "my colleague <NAME_1> can't log in"),
        ("My order 4711 has not arrived, who can help?", "My order 4711 has not arrived, who can help?"),
        ("<NAME_1> wrote to <EMAIL_1> about it", "<NAME_1> wrote to <EMAIL_1> about it"),
        ("Why does Settings show NULL in version 3.2?", "Why does Settings show NULL in version 3.2?"),
    ],
)
def test_names_on_no_roster(tagger: NameTagger, text: str, expected: str) -> None:
    assert redacted(Finder(tagger.find), text) == expected
