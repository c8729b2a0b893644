"""A trial: an adapter that passed the gate answers a share of the questions before it answers all. What is counted, and
when the counts say that it is worse.

Each question's adapter is drawn by a hash, whatever the question. So if the new adapter is no worse, a complaint is
about one of its answers with a probability of at most its share, however many people complain: nothing else need be
known of how good the present one is. Knows nothing of databases and moves.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.answers import AnswerKind
from bot.ids import AdapterId
from bot.lineage import Deployment

ALPHA = 0.01
"""At most so often is an adapter rolled back that is no worse, however often it is looked at."""
TIMES_AS_OFTEN = (2.0, 4.0, 8.0)
"""How many times as often as the present one's answers those of a bad adapter may be complained about."""


@dataclass(frozen=True)
class Tried:
    """Something that was written during a trial."""

    question: str
    """The same for several answers to one question: it was edited."""
    kind: AnswerKind
    """What it became: an answer, or something else because its sources didn't bear it out."""
    writer: AdapterId | None
    rejected: bool
    """Somebody's ❌ stands."""
    corrected: bool
    left: bool
    """The next answer in its place was a hand-off."""

    @property
    def is_bad(self) -> bool:
        return self.kind is not AnswerKind.GROUNDED or self.rejected or self.corrected or self.left


@dataclass(frozen=True)
class Tally:
    """Questions that something was written for, and those of them whose answers were bad."""

    questions: int
    bad: int


def is_chosen(trial: Deployment, question: str) -> bool:
    """True for the share of the questions that the adapter on trial answers: the same ones, whenever it is asked."""
    drawn = hashlib.sha256(f"{trial.adapter}:{question}".encode()).hexdigest()[:8]
    return bool(question) and int(drawn, 16) / 16**8 < trial.share


def tallies(tried: Sequence[Tried], adapter: AdapterId | None) -> tuple[Tally, Tally]:
    """Of the adapter on trial, and of whatever else wrote."""
    mine = [each for each in tried if each.writer == adapter]
    return _tally(mine), _tally([each for each in tried if each.writer != adapter])


def evidence(new: Tally, old: Tally, share: float) -> float:
    """How much the complaints speak against the adapter on trial: an e-process, at most 1 in the mean for one that is
    no worse. It exceeds 1/a at any time with a probability of at most a (Ville 1939), so that it may be looked at
    whenever one likes.

    That is exact while complaints stay; few are taken back. Each is a bet on whose answer it is about: the mean of
    likelihood ratios against the share itself (Wald 1945; Robbins 1970; as betting, Waudby-Smith & Ramdas 2024).
    """
    wealth = []
    for times in TIMES_AS_OFTEN:
        expected = times * share / (times * share + 1 - share)  # of the complaints, those about the new one
        won, lost = math.log(expected / share), math.log((1 - expected) / (1 - share))
        wealth.append(math.exp(min(700.0, new.bad * won + old.bad * lost)))
    return sum(wealth) / len(wealth)


def _tally(tried: Sequence[Tried]) -> Tally:
    return Tally(len({each.question for each in tried}), len({each.question for each in tried if each.is_bad}))
