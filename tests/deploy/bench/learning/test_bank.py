"""What a data file must have, and what is said when it lacks it."""

from pathlib import Path
from typing import Any

import pytest

from deploy.bench.learning import bank
from deploy.bench.learning.bank import DataFileUnusable, Version, read_bank, read_sections, read_split
from deploy.bench.learning.marking import is_right, says_superseded, version_of
from tests.deploy.bench.learning.banks import rows, write


def test_a_bank_is_read_with_its_questions_in_the_order_of_the_splits(tmp_path: Path) -> None:
    read = read_bank(write(tmp_path / "bank.jsonl", rows()[::-1]))
    card = next(fact for fact in read.facts if fact.id == "card")
    assert len(read.facts) == 12
    assert card.taught[0] == "How do I get my card?"
    assert card.taught[-1] == "I want a card"
    assert card.tested == ("card please, where?", "How can I get a card?")
    assert card.later == Version("Go to Card and press 99.", ("Card", "99"))
    assert [read.share_taught(number) for number in (1, 4, 5)] == [1.0, 1.0, 0.0]
    assert read.meant_by("I want a card") == {"card"}


def test_a_sample_is_the_same_each_time_and_keeps_whole_facts(tmp_path: Path) -> None:
    read = read_bank(write(tmp_path / "bank.jsonl", rows()))
    sample = read.sample(3, 1)
    assert sample == read.sample(3, 1)
    assert len(sample.facts) == 3
    assert all(len(fact.tested) == 1 and len(fact.taught) == 4 for fact in sample.facts)


def without(field: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != field} for row in rows()]


def changed(line: int, **fields: object) -> list[dict[str, Any]]:
    return [{**row, **fields} if number == line else row for number, row in enumerate(rows())]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (without("answer"), "line 1 has no text in answer"),
        ([{**row, "question": 7} for row in rows()], "line 1 has no text in question"),
        ([row for row in rows() if row["split"] != "test"], "has 0 facts.*24 of 'train'"),
        (changed(3, answer="Ask Card 10."), "line 4 gives the fact 'card' another answer than line 1.*answer_v2"),
        (changed(3, answer_v2="Ask Ann.", key_facts_v2=[]), "line 4 gives the fact 'card' another answer_v2 than line"),
        (changed(3, question="how? " * 2_000), "line 4 has 10,000 characters in question.*8,000 at most"),
        (changed(3, question="  "), "line 4 has no text in question"),
        (changed(3, key_facts=["Moon"]), "line 4: answer does not contain 'Moon'"),
        (changed(3, key_facts="Card"), "line 4: key_facts is no list"),
        (rows()[:6], "has 1 facts"),
        ([], "has 0 facts"),
    ],
)
def test_what_a_file_lacks_is_named(tmp_path: Path, lines: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(DataFileUnusable, match=said):
        read_bank(write(tmp_path / "bank.jsonl", lines))


@pytest.mark.parametrize(("content", "said"), [(b"{", "line 1 is not JSON"), (b"\xff\xfe", "can't be read")])
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bank.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataFileUnusable, match=said):
        read_bank(path)


def test_a_file_of_any_length_leaves_a_few_questions_of_each_fact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank, "MOST_FACTS", 5)
    monkeypatch.setattr(bank, "MOST_QUESTIONS", 3)
    many = [{**row, "question": f"{row['question']} {n}"} for n in range(20) for row in rows()]
    read = read_bank(write(tmp_path / "bank.jsonl", many))
    assert len(read.facts) == 5
    assert {len(fact.taught) for fact in read.facts} == {9}  # three of each split
    assert {len(fact.tested) for fact in read.facts} == {3}


def test_test_questions_that_are_taught_are_left_out(tmp_path: Path) -> None:
    leaking = [*rows(), {**rows()[0], "split": "test"}]
    read = read_bank(write(tmp_path / "bank.jsonl", leaking))
    assert read.left_out == 1
    assert not set(read.facts[0].tested) & set(read.facts[0].taught)


def test_of_many_rows_of_a_split_a_sample_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank, "MOST_ROWS", 10)
    path = write(tmp_path / "oos.jsonl", [{"question": str(n), "split": "test"} for n in range(200)])
    kept = [int(row["question"]) for row in read_split(path, "test", ("question",))]
    assert len(kept) == 10
    assert kept == sorted(kept)
    assert max(kept) > 50


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFileUnusable, match="gone"):
        read_bank(tmp_path / "gone.jsonl")


def test_sections_and_splits_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "kb.jsonl", [{"id": "1", "title": "Cards", "heading": "New", "text": "Ask."}])
    assert [section.label for section in read_sections(path)] == ["Cards › New"]
    texts = write(tmp_path / "oos.jsonl", [{"question": "do ducks sleep", "answer": None, "split": "dev"}])
    assert len(read_split(texts, "dev", ("question",))) == 1
    with pytest.raises(DataFileUnusable, match="no rows of the split test"):
        read_split(texts, "test", ("question",))


OLD = Version("Go to Card and press 10.", ("Card", "10"))
NEW = Version("Go to Card and press 99.", ("Card", "99"))


@pytest.mark.parametrize(
    ("text", "right", "superseded"),
    [
        ("go to card and press 99, please", True, False),
        ("Press 99.", False, False),  # a key fact is missing
        ("Go to Card and press 99, or 10.", False, True),
        ("Go to Card and press 10.", False, True),
    ],
)
def test_strict_means_every_key_fact_and_none_superseded(text: str, right: bool, superseded: bool) -> None:
    assert is_right(text, NEW, OLD) is right
    assert says_superseded(text, NEW, OLD) is superseded


def test_a_key_fact_that_is_a_part_of_a_word_stands_for_the_whole_word(tmp_path: Path) -> None:
    changed_rows = [row | ({"key_facts": ["car", "1"]} if row["fact"] == "card" else {}) for row in rows()]
    read = read_bank(write(tmp_path / "bank.jsonl", changed_rows))
    card = next(fact for fact in read.facts if fact.id == "card")
    assert card.now.key_facts == ("Card", "10")
    assert is_right(card.now.answer, card.now)


def test_without_key_facts_the_wording_counts() -> None:
    assert is_right("Open the settings and choose Rooms there.", Version("Open the settings and choose Rooms."))
    assert not is_right("Write to us.", Version("Open the settings and choose Rooms."))


def test_a_fact_changes_only_if_it_has_a_later_version(tmp_path: Path) -> None:
    card, loan, *_ = read_bank(write(tmp_path / "bank.jsonl", rows())).facts
    assert version_of(card, has_changed=True) == (card.later, card.now)
    assert version_of(card, has_changed=False) == (card.now, None)
    assert version_of(loan, has_changed=True) == (loan.now, None)
