"""Measures the router on a data set: how many questions it would answer from memory, and how many of them wrongly.

    python -m learning.coverage QUESTIONS.jsonl --none OTHER.jsonl --phrasings 1 3 6 --cache ~/.cache/mentee

Lines are JSON objects with `fact`, `question`, `answer` and `split`. A fact's first `stream` and `train` questions
are what agents taught; those of the measured split are asked. Then every quarter of the facts in turn is taken out,
so that questions about them are the hardest kind of "none": of the same product, but not taught yet.
"""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.asking_back import shown
from bot.policy import Policy
from learning.calibration import Case, Encoded, Entry, World, fact_vectors
from learning.encoder import MpnetEncoder
from learning.models import resolve_encoder
from learning.router import rank

KNOWN_FROM = Policy().known_from
OFFER_FROM = Policy().offer_from
QUARTERS = 4


@dataclass
class Coverage:
    """Counts of questions. `served` and `wrong` are at KNOWN_FROM."""

    known: int = 0
    first: int = 0
    """Known ones whose fact is the most probable one."""
    served: int = 0
    wrong: int = 0
    offered: int = 0
    """Known ones not served, whose fact would be offered as "did you mean"."""
    none: int = 0
    none_served: int = 0
    marks: list[tuple[float, bool]] = field(default_factory=list, compare=False)
    """Of each known one: how probable its likeliest fact is, and whether that is the right one."""

    def covered(self, most_wrong: float = 0.05) -> float:
        """The largest share of the known ones, surest first, whose likeliest facts are wrong in so few at most."""
        covered = wrong = 0
        for place, (_, right) in enumerate(sorted(self.marks, key=lambda mark: -mark[0]), 1):
            wrong += not right
            covered = place if wrong <= most_wrong * place else covered
        return covered / len(self.marks) if self.marks else 0.0

    def __str__(self) -> str:
        wrong = f"{self.wrong}/{self.served} wrong (95 % bound {upper_bound(self.wrong, self.served):.3f})"
        return (
            f"first {self.first / self.known:.3f} · covered {self.covered():.3f} · "
            f"served {self.served / self.known:.3f}, {wrong} · "
            f"offered {self.offered / self.known:.3f} · none served {self.none_served}/{self.none} · "
            f"wrong in all {self.wrong + self.none_served}/{self.served + self.none_served}"
        )


def measure(worlds: Sequence[World], encoded: Encoded) -> Coverage:
    counts = Coverage()
    for world in worlds:
        facts = fact_vectors(world.facts, encoded)
        for case, vector in zip(world.cases, encoded([case.question for case in world.cases]), strict=True):
            ranked = rank(vector, facts)
            served = ranked[0].probability >= KNOWN_FROM
            if case.fact is None:
                counts.none += 1
                counts.none_served += served
                continue
            counts.known += 1
            counts.first += ranked[0].row == case.fact
            counts.marks.append((ranked[0].probability, ranked[0].row == case.fact))
            counts.served += served
            counts.wrong += served and ranked[0].row != case.fact
            offered = [ranked[i].row for i in shown([match.probability for match in ranked], OFFER_FROM)]
            counts.offered += not served and case.fact in offered
    return counts


def upper_bound(wrong: int, of: int) -> float:
    """One-sided 95 % Clopper-Pearson bound on the share that is wrong."""
    if wrong >= of:
        return 1.0
    low, high = wrong / of, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(wrong, of, middle) > 0.05 else (low, middle)
    return high


def _at_most(wrong: int, of: int, share: float) -> float:
    """Probability of that many wrong ones or fewer."""
    if share <= 0:
        return 1.0
    return sum(
        math.exp(
            math.lgamma(of + 1) - math.lgamma(i + 1) - math.lgamma(of - i + 1)
            + i * math.log(share) + (of - i) * math.log1p(-share)
        )
        for i in range(wrong + 1)
    )  # fmt: skip


# --- the data set as worlds -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    taught: Entry
    questions: tuple[str, ...]


def read(path: Path, phrasings: int, split: str) -> list[Asked]:
    answers: dict[str, str] = {}
    taught: dict[str, list[str]] = {}
    asked: dict[str, list[str]] = {}
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        answers[row["fact"]] = row["answer"]
        kept = {"stream": taught, "train": taught, split: asked}.get(row["split"])
        if kept is not None:
            kept.setdefault(row["fact"], []).append(row["question"])
    return [Asked(Entry(answers[f], tuple(taught[f][:phrasings])), tuple(asked.get(f, ()))) for f in sorted(taught)]


def all_known(facts: Sequence[Asked], none: Sequence[str]) -> World:
    cases = [Case(question, row) for row, fact in enumerate(facts) for question in fact.questions]
    return World(tuple(fact.taught for fact in facts), (*cases, *(Case(question, None) for question in none)))


def quarters_unknown(facts: Sequence[Asked]) -> Iterator[World]:
    for quarter in range(QUARTERS):
        known = [fact for i, fact in enumerate(facts) if i % QUARTERS != quarter]
        yield all_known(known, [question for fact in facts[quarter::QUARTERS] for question in fact.questions])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--none", type=Path, required=True, help="questions that nothing answers")
    parser.add_argument("--phrasings", type=int, nargs="+", default=[1, 3, 6], help="taught ones of each fact")
    parser.add_argument("--split", default="test", help="the one that is asked")
    parser.add_argument("--cache", type=Path, required=True, help="folder that models are kept in")
    chosen = parser.parse_args()
    rows = map(json.loads, chosen.none.read_text(encoding="utf-8").splitlines())
    none = [row["question"] for row in rows if row["split"] == chosen.split]
    facts = read(chosen.data, max(chosen.phrasings), chosen.split)
    texts = [t for fact in facts for t in (fact.taught.answer, *fact.taught.questions, *fact.questions)]
    encoded = Encoded(MpnetEncoder(resolve_encoder(chosen.cache)), [*texts, *none])
    for count in chosen.phrasings:
        fewer = read(chosen.data, count, chosen.split)
        print(f"{chosen.data.name}, {len(fewer)} facts, {count} phrasings of each taught")
        print(f"  all taught:       {measure([all_known(fewer, none)], encoded)}")
        print(f"  quarter untaught: {measure(list(quarters_unknown(fewer)), encoded)}")


if __name__ == "__main__":
    main()
