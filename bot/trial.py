"""A trial: an adapter that passed the gate answers a share of the questions before it answers all. What is counted, and
when the counts say that it is worse.

Each question's adapter is drawn by a hash, whatever the question. So if the new adapter is no worse, a complaint is
about one of its answers with a probability of at most its share, however many people complain: nothing else need be
known of how good the present one is. Knows nothing of databases and moves.

Besides, both are asked silently what a person has settled (`bot/comparing.py`): where only one of them says what that
person said, it is a bet, too.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.answers import AnswerKind, PostedAnswer
from bot.feedback import Lesson
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


class Outcome(StrEnum):
    """Who says what a person then said, when both adapters are asked silently."""

    BOTH = "both"
    NEITHER = "neither"
    NEW = "new"  # the one on trial alone
    OLD = "old"  # the serving one alone
    UNSAID = "unsaid"  # what was read doesn't bear the person's answer out, or isn't there any more: nobody was asked
    DROPPED = "dropped"  # too much else was to be done, or one of them could not be asked


@dataclass(frozen=True)
class Settled:
    """A question for which something was written, and what a person then said is right."""

    posted: PostedAnswer
    lesson: Lesson


@dataclass(frozen=True)
class Pair:
    """A question that a person settled while the trial was under way."""

    outcome: Outcome
    by_new: bool
    """The adapter on trial had written what the person mended."""


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
    return _wealth([(share, new.bad, old.bad)])


def silent_evidence(pairs: Counter[Pair], share: float) -> float:
    """The same of the pairs: a sign test on those in which one of the two was wrong alone, as a bet.

    People mend what was said, and most of it the serving adapter said: its failings are seen oftener than those of the
    one on trial. A fair coin would hide a worse one behind that. But whose words are drawn is drawn whatever the
    question: so of the pairs whose writer was wrong, the one on trial is the wrong one with a probability of its share
    at most, if it is wrong alone no oftener than the other; of those whose writer was right, with one of 1 - share.
    """
    bets = [
        (share, pairs[Pair(Outcome.OLD, by_new=True)], pairs[Pair(Outcome.NEW, by_new=False)]),
        (1 - share, pairs[Pair(Outcome.OLD, by_new=False)], pairs[Pair(Outcome.NEW, by_new=True)]),
    ]
    return _wealth(bets)


def together(complaints: float, silent: float) -> float:
    """What both tell: half of the greater one. They see the same corrections, so that their product would count those
    twice; but either alone exceeds 2/a with a probability of at most a/2, whatever the other does (a union bound).

    Their mean would be hardly more, and is an e-process only while both are looked at in step, which they are not: a
    person may settle a question long after the complaint.
    """
    return max(complaints, silent) / 2


def _wealth(bets: Sequence[tuple[float, int, int]]) -> float:
    """Of bets with the probability that the new one is meant, how often it was, and how often the old one was."""
    wealth = []
    for times in TIMES_AS_OFTEN:
        logarithm = 0.0
        for share, new, old in bets:
            expected = times * share / (times * share + 1 - share)  # how often it is meant when it is so much worse
            logarithm += new * math.log(expected / share) + old * math.log((1 - expected) / (1 - share))
        wealth.append(math.exp(min(700.0, logarithm)))
    return sum(wealth) / len(wealth)


def _tally(tried: Sequence[Tried]) -> Tally:
    return Tally(len({each.question for each in tried}), len({each.question for each in tried if each.is_bad}))
