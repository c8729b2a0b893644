"""What says the same: by words, by vectors, and with the real encoder on leaks that were planted."""

import csv
from pathlib import Path

import pytest

from bot.feedback import LessonSource
from bot.ports import Unit
from learning.dataset import MAX_JUDGED, split
from learning.encoder import Encoder, MpnetEncoder
from learning.models import resolve_encoder
from learning.planning import known_vectors
from learning.similarity import Alike, alike_by
from storage.database import SqlStore
from tests.fakes.encoder import HashingEncoder
from tests.learning.knowledge_bases import taught_numbers
from tests.learning.model_cache import CACHE, needs
from tests.learning.samples import answered, fact
from tests.learning.test_held_out import DEMO, saying

# What is held out, and the same once more in other words.
PARAPHRASES = [
    ("How do I get a refund for a cancelled class?", "How can I get my money back when a class was cancelled?"),
    ("Can I export my member list?", "Is it possible to export the list of members?"),
    ("How do I change my password?", "I want to set a new password, how do I do that?"),
    ("How many instructors can I add?", "Is there a limit to the number of instructors?"),
    ("When do payouts arrive?", "When will I receive my payout?"),
    ("How do I rename a room?", "Can I change the name of a room?"),
    ("Refunds reach the card within five days.", "It takes up to five days until the refund is on the card."),
    ("Open Settings, choose Members and press Export.", "You find the export button in the settings, under members."),
    ("Vouchers expire one year after purchase.", "A voucher is valid for a year from the day you bought it."),
    ("You can add as many instructors as you like.", "There is no limit to the number of instructors you can add."),
]
OTHERS = [
    ("How do I rename a room?", "How do I delete a booking?"),
    ("Can I export my member list?", "Can I import a calendar?"),
    ("When do payouts arrive?", "When do vouchers expire?"),
    ("How many instructors can I add?", "How do I invite an instructor?"),
    ("Refunds reach the card within five days.", "Vouchers expire one year after purchase."),
    ("Open Settings, choose Members and press Export.", "Open Planning, choose the class and press Cancel."),
]


PARAPHRASED = Path(__file__).with_name("paraphrases.csv")
"""The first lessons of the demo once more in other words, questions and answers. Nothing is tuned on them."""


def told_in(path: Path) -> list[tuple[str, str]]:
    """Questions and answers."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["question"], row["answer"]) for row in csv.DictReader(file)]


def alike_of(encoder: Encoder, texts: list[str]) -> Alike:
    return alike_by({text: row.tobytes() for text, row in zip(texts, encoder.encode(texts), strict=True)})


@needs("all-mpnet-base-v2")
def test_most_paraphrases_are_found_and_what_is_something_else_is_let_be() -> None:
    texts = [text for pair in (*PARAPHRASES, *OTHERS) for text in pair]
    alike = alike_of(MpnetEncoder(resolve_encoder(CACHE)), texts)
    assert sum(alike(one, other) for one, other in PARAPHRASES) >= 7
    assert not any(alike(one, other) for one, other in OTHERS)
    words_alone = alike_by({})
    assert sum(words_alone(one, other) for one, other in PARAPHRASES) <= 3


@needs("all-mpnet-base-v2")
def test_of_fifty_planted_paraphrases_seven_in_ten_stay_out_of_training(capsys: pytest.CaptureFixture[str]) -> None:
    """Lessons of the demo that are held out, and in fifty lessons about something else, one of their questions or
    answers once more. Questions are short, and those that say the same differ most."""
    again = told_in(PARAPHRASED)
    said = told_in(DEMO)[: len(again)]
    numbers = [n for n in range(200) if split([fact(n, source=LessonSource.FAQ)]).held_out]
    assert 13 <= MAX_JUDGED < len(said)  # so it takes two goes
    found = 0
    for half in (said[:13], said[13:]):
        secrets = [saying(fact(n, source=LessonSource.FAQ), *of_it) for n, of_it in zip(numbers, half, strict=False)]
        at = said.index(half[0])
        asked, told = zip(*again[at : at + len(half)], strict=True)
        free = iter(taught_numbers(2 * len(half)))
        leaks = [saying(fact(number), text, f"Something {number}.") for text, number in zip(asked, free, strict=False)]
        leaks += [answered(fact(number), text) for text, number in zip(told, free, strict=False)]
        texts = {text for each in (*secrets, *leaks) for text in (*each.phrasings, each.lesson.answer)}
        parts = split([*secrets, *leaks], alike_of(MpnetEncoder(resolve_encoder(CACHE)), sorted(texts)))
        assert len(parts.held_out) == len(half)
        found += sum(leak not in parts.taught for leak in leaks)
    with capsys.disabled():
        print(f"\n{found} of {2 * len(said)} planted paraphrases were found")
    assert found >= 35


def test_the_vectors_are_those_that_memory_keeps(store: SqlStore) -> None:
    known, encoder = fact(1, "asked in words of its own"), HashingEncoder()
    same, other = "words of its own, when asked", "something else"

    def keep_vectors(unit: Unit) -> None:
        texts = [known.lesson.answer, *known.phrasings, same]
        rows = encoder.encode(texts)
        unit.vectors.put(encoder.name, {text: row.tobytes() for text, row in zip(texts, rows, strict=True)})

    store.run_sync(keep_vectors)
    more = fact(2, same, other)
    alike = alike_by(store.run_sync(lambda unit: known_vectors(unit, [known, more], encoder.name)))
    assert alike(known.phrasings[1], same)
    assert not alike(known.phrasings[1], other)
    store.close()


@pytest.mark.parametrize("unknown", ["", "never heard of"])
def test_what_has_no_vector_is_compared_by_its_words(unknown: str) -> None:
    alike = alike_by({"known": HashingEncoder().encode(["known"])[0].tobytes()})
    assert alike(unknown, unknown)
    assert not alike(unknown, "known")
