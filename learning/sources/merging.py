"""What remains of entries that say the same, and of topics with too many. Works on the staging file alone."""

import json
from collections import Counter
from collections.abc import Sequence

from learning.sources.quality import grade
from learning.sources.report import DataReport
from learning.sources.staging import FAQ, KNOWN, PAIR, Staged, Staging


def compare_pairs(staging: Staging, report: DataReport) -> None:
    """Candidates come last, so that what nobody has confirmed stands in no entry's way."""
    for pair in staging.remaining(PAIR):
        twin = staging.compare(pair)
        if twin is not None:
            report.contradict(pair.question, twin.answer, twin.where, pair.answer, pair.where)


def merge(staging: Staging, report: DataReport) -> set[str]:
    """Of each group keep the best, with all phrasings. The files some of whose entries another's stand for now."""
    sources: set[str] = set()
    for group in staging.groups():
        best = best_of(group)
        others = [entry for entry in group if entry.id != best.id]
        for entry in others:
            staging.drop(entry, "duplicates", f"says the same as {best.where}: {best.question}")
            report.drop("duplicates", entry.question, f"as {best.question!r}")
            if entry.kind == FAQ and entry.source != best.source:
                sources.add(entry.source)
        if best.kind != PAIR and (new := _new_phrasings(best, others)):
            staging.grow(best, new)
    return sources


def best_of(group: Sequence[Staged]) -> Staged:
    """What is known; else, of the FAQ's entries before a conversation's, the best of those with the commonest answer,
    the first one of equals."""
    for kind in (KNOWN, FAQ, PAIR):
        candidates = [entry for entry in group if entry.kind == kind]
        if candidates:
            commonest = Counter(entry.answer for entry in candidates).most_common(1)[0][0]
            return max((each for each in candidates if each.answer == commonest), key=lambda each: each.quality)
    raise AssertionError("a group has at least one entry")


def limit_people(staging: Staging, report: DataReport, most: int) -> None:
    """Drop what is too much of one person's, the last pairs first."""
    counts: Counter[str] = Counter()
    for pair in staging.remaining(PAIR) if most else ():
        who = str(json.loads(pair.details)["resolved_by"])
        counts[who] += 1
        if who and counts[who] > most:
            staging.drop(pair, "people", f"more than {most} were resolved by the same person")
            report.drop("people", pair.question, f"the same person resolved {most} before")


def limit_topics(staging: Staging, report: DataReport, most: int) -> None:
    """Drop what is too much of one topic, the last entries first. Counts topics and quality of those that remain."""
    for entry in staging.remaining(FAQ):
        count = report.topics.get(entry.topic, 0)
        if most and entry.topic and count >= most:
            staging.drop(entry, "topics", f"more than {most} of the topic {entry.topic!r}")
            report.drop("topics", entry.question, f"topic {entry.topic!r}")
        else:
            report.topics[entry.topic] = count + 1
            name = grade(entry.quality)
            report.quality[name] = report.quality.get(name, 0) + 1


def _new_phrasings(best: Staged, others: Sequence[Staged]) -> list[str]:
    """As the others ask it, but for case; what a conversation asked is for somebody to review first.

    What may not be trained on adds no words to what may.
    """
    seen = {text.casefold() for text in (best.question, *best.phrasings)}
    new: list[str] = []
    fitting = [other for other in others if other.kind == FAQ and other.trainable >= best.trainable]
    for text in (text for other in fitting for text in (other.question, *other.phrasings)):
        if text.casefold() not in seen:
            seen.add(text.casefold())
            new.append(text)
    return new
