"""An adapter over the rounds of a stream: what it knows by itself, and what it forgot of everything else.

The newest adapter is measured whether the gate promotes it or not, and beside it the one that answers from then on,
which differs where the gate rejects.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from bot.ids import AdapterId
from bot.prompting import closed_book_prompt
from deploy.bench.learning.bank import BankFact
from deploy.bench.learning.figures import Figure, missing, share
from deploy.bench.learning.marking import is_right
from deploy.bench.learning.measures import backward_transfer, forgetting, plasticity
from deploy.bench.learning.training import Trained, Trainer
from deploy.bench.learning.writing import Writer

ScoreGeneral = Callable[[AdapterId], dict[str, Figure]]
"""Runs for a while; it is called in a thread of its own."""
NAMES = (
    "rounds", "rounds_promoted", "closed_book_last_round", "closed_book_forgetting", "closed_book_backward_transfer",
    "closed_book_plasticity", "closed_book_served_last_round", "closed_book_served_forgetting",
    "general_nll_delta_served", "general_nll_delta_last_round", "general_accuracy_delta_last_round",
    "round_s_in_stream", "round_cpu_s_in_stream", "round_mb_in_stream",
)  # fmt: skip
NONE_PROMOTED = "The gate promoted none."


@dataclass(frozen=True)
class Round:
    trained: Trained
    closed_book: dict[str, float]
    """By fact, strict."""
    served: dict[str, float]
    """The same of the adapter that answers from then on; empty while none was promoted."""
    general: dict[str, Figure]


class Rounds:
    """Retrains when enough was corrected since the last time, and measures what came of it."""

    def __init__(self, trainer: Trainer, every: int, tested: int) -> None:
        """`every`: corrections. `tested`: test questions of each fact."""
        self.measured: list[Round] = []
        self.reason = f"There never were {every} corrections in a part of the stream."
        self._trainer = trainer
        self._every = every
        self._tested = tested
        self._corrections = 0
        self._writer: Writer | None = None
        self._score: ScoreGeneral | None = None
        self._live: AdapterId | None = None

    def measure_with(self, writer: Writer, score: ScoreGeneral) -> "Rounds":
        """Without it, adapters are trained and not measured."""
        self._writer, self._score = writer, score
        return self

    async def consolidate(self, corrections: int, facts: Sequence[BankFact]) -> None:
        """At the end of each part of the stream: retrain, if so many were corrected since the last time."""
        if corrections - self._corrections < self._every:
            return
        trained = await self._trainer.retrain()
        self._corrections = corrections
        if trained.adapter is None:
            self.reason = trained.reason
        elif self._writer is not None and self._score is not None:
            scored = await asyncio.to_thread(self._score, trained.adapter)
            closed_book = await self._closed_book(self._writer, trained.adapter, facts)
            served = await self._served(self._writer, trained, closed_book, facts)
            self.measured.append(Round(trained, closed_book, served, scored))

    async def _served(
        self, writer: Writer, trained: Trained, closed_book: dict[str, float], facts: Sequence[BankFact]
    ) -> dict[str, float]:
        if trained.promoted:
            self._live = trained.adapter
            return closed_book
        return await self._closed_book(writer, self._live, facts) if self._live is not None else {}

    async def _closed_book(self, writer: Writer, adapter: AdapterId, facts: Sequence[BankFact]) -> dict[str, float]:
        asked = [(fact, question) for fact in facts for question in fact.tested[: self._tested]]
        texts = await asyncio.gather(*(writer.write(adapter, closed_book_prompt(question)) for _, question in asked))
        right: dict[str, list[bool]] = {}
        for (fact, _), text in zip(asked, texts, strict=True):
            right.setdefault(fact.id, []).append(is_right(text, fact.now))
        return {fact: mean(each) for fact, each in right.items()}

    def figures(self) -> dict[str, Figure]:
        if not self.measured:
            return untold(self.reason)
        accuracies = [each.closed_book for each in self.measured]
        trained = [each.trained for each in self.measured]
        last, served = self.measured[-1], [each.served for each in self.measured]
        went_live = [each for each in self.measured if each.trained.promoted]
        promoted = share([(str(i), each.promoted) for i, each in enumerate(trained)])
        said = [f"Round {i}: {each.reason}" for i, each in enumerate(trained, 1) if each.reason]
        return {
            "rounds": Figure(float(len(trained))),
            "rounds_promoted": replace(promoted, reason=" ".join(said)),
            "closed_book_last_round": share(list(last.closed_book.items())),
            "closed_book_forgetting": forgetting(accuracies),
            "closed_book_backward_transfer": backward_transfer(accuracies),
            "closed_book_plasticity": plasticity(accuracies),
            "closed_book_served_last_round": share(list(served[-1].items()), NONE_PROMOTED),
            "closed_book_served_forgetting": forgetting(served) if went_live else missing(NONE_PROMOTED),
            "general_nll_delta_served": _nll(went_live[-1]) if went_live else missing(NONE_PROMOTED),
            "general_nll_delta_last_round": _nll(last),
            "general_accuracy_delta_last_round": last.general["general_accuracy_delta"],
            "round_s_in_stream": Figure(mean(each.seconds for each in trained)),
            "round_cpu_s_in_stream": Figure(mean(each.cpu_s for each in trained)),
            "round_mb_in_stream": Figure(mean(each.mb for each in trained)),
        }

    def series(self) -> dict[str, dict[float, float]]:
        """By the number of the round, for the plots."""
        nll = [_nll(each).value for each in self.measured]
        return {
            "closed_book_by_round": by_round([each.closed_book for each in self.measured]),
            "general_nll_by_round": {float(i): value for i, value in enumerate(nll, 1) if value is not None},
        }


def _nll(measured: Round) -> Figure:
    return measured.general["general_nll_delta"]


def untold(reason: str) -> dict[str, Figure]:
    return dict.fromkeys(NAMES, missing(reason))


def by_round(accuracies: Sequence[dict[str, float]]) -> dict[float, float]:
    """Mean accuracy on all that was corrected until then."""
    return {float(i): mean(each.values()) for i, each in enumerate(accuracies, 1) if each}
