"""Erases what is kept of a person from every table.

Texts that a person wrote go, with what answered them. What others wrote stays, without saying who is meant. A lesson
that an agent taught from a person's question loses that question; if it has no other, the lesson goes as well.
"""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from sqlmodel import Session, SQLModel, String, and_, col, delete, func, or_, select, update

from bot.answers import Answer
from bot.conversation import Speaker
from bot.erasure import FORGOTTEN, Acquaintance, Erased
from bot.events import CommandGiven, quoted
from bot.ids import SHARED, LessonId
from bot.reviewing import ADMINS_AT
from storage.codec import ANSWER, EVENT, PERSON, PLACE, from_text, to_text
from storage.columns import Words
from storage.repositories.revision import advance_revision
from storage.tables import (
    AliasRow,
    AnswerRow,
    AuditRow,
    ComparisonRow,
    DeploymentRow,
    FlagRow,
    HandoffRow,
    InboxRow,
    LessonRow,
    OutboxRow,
    PassRow,
    PhrasingRow,
    RatingRow,
    RunRow,
    TurnRow,
    VectorRow,
    metadata,
)

NAMELESS = "a former colleague"
MIN_ID_CHARS = 6
"""Shorter ids are too likely to be a part of something else to be searched for within texts."""
TEXTUAL = (String, Words)
QUOTED_CHARS, MIN_QUOTED = 200, 12
"""Of a question that a receipt repeats: as much as is surely quoted, and less would be too little to go by."""


@dataclass
class _Traces:
    """Where a person was found, and what has to go with it."""

    answers: dict[str, Answer] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    """Direct messages."""
    lessons: set[str] = field(default_factory=set)
    """Whose words are gone or changed."""
    facts: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    """What was embedded."""
    removed: Counter[str] = field(default_factory=Counter)


class Erasing:
    def __init__(self, session: Session) -> None:
        self._session = session

    def erase(self, person: Acquaintance, *, with_lessons: bool) -> Erased:
        traces = _Traces()
        self._erase_talk(person, traces)
        self._erase_boxes(person, traces)
        self._erase_ratings(person, traces)
        self._erase_words_in_lessons(traces)
        if with_lessons:
            own = self._session.exec(select(LessonRow).where(LessonRow.author == person.key)).all()
            for row in own:
                self._drop_copies(row, traces)
                self._drop_lesson(row, traces)
        self._remove(PassRow, PassRow.person_key == person.key, "sessions and links", traces)
        self._remove(AliasRow, AliasRow.person == person.key, "names in the audit log", traces)
        anonymised = self._anonymise(person, traces)
        hashes = {sha256(text.encode()).hexdigest() for text in traces.texts}
        self._remove(VectorRow, col(VectorRow.text_sha256).in_(hashes), "vectors", traces)
        if traces.facts:
            advance_revision(self._session, "fact", sorted(traces.facts))
        return Erased(dict(traces.removed), anonymised, tuple(LessonId(each) for each in sorted(traces.lessons)))

    def _erase_talk(self, person: Acquaintance, traces: _Traces) -> None:
        for row in self._session.exec(select(AnswerRow).where(col(AnswerRow.asker).contains(_quoted(person)))).all():
            if from_text(PERSON, row.asker).key != person.key:
                continue
            traces.answers[row.id] = from_text(ANSWER, row.answer)
            traces.texts |= {traces.answers[row.id].question, traces.answers[row.id].text}
            self._note_if_direct(row.place, traces)
            self._session.delete(row)
        traces.removed["answers"] += len(traces.answers)
        for turn in self._session.exec(select(TurnRow).where(TurnRow.person == person.key)).all():
            traces.texts.add(turn.text)
            self._note_if_direct(turn.place, traces)
        theirs = or_(TurnRow.person == person.key, col(TurnRow.place_key).in_(traces.places))
        self._remove(TurnRow, theirs, "turns", traces)

    def _erase_boxes(self, person: Acquaintance, traces: _Traces) -> None:
        for row in self._session.exec(select(InboxRow)).all():
            event = from_text(EVENT, row.event)
            about = getattr(event, "answer", None) in traces.answers
            if person.key in (event.person.key, quoted(event)) or event.place.key in traces.places or about:
                traces.events.add(row.event_id)
                self._session.delete(row)
            elif isinstance(event, CommandGiven) and event.text.lower().startswith("forget"):
                row.event = to_text(EVENT, replace(event, text="forget"))
        traces.removed["events"] += len(traces.events)
        signs = [_quoted(person), *map(_json, traces.answers), *map(_json, traces.events)]
        signs += [_inner(a.question[:QUOTED_CHARS]) for a in traces.answers.values() if len(a.question) >= MIN_QUOTED]
        names = [_inner(name) for name in person.names]
        for sent in self._session.exec(select(OutboxRow)).all():
            # What was delivered is of no further use, so a name is enough there.
            wanted = signs if sent.state == "waiting" else signs + names
            if any(sign in sent.outgoing for sign in wanted):
                self._session.delete(sent)
                traces.removed["messages sent"] += 1
        for handed in self._session.exec(select(HandoffRow)).all():
            if handed.answer in traces.answers or any(sign in handed.handoff for sign in signs):
                self._session.delete(handed)
                traces.removed["hand-offs"] += 1

    def _erase_ratings(self, person: Acquaintance, traces: _Traces) -> None:
        theirs = or_(RatingRow.person == person.key, col(RatingRow.answer).in_(traces.answers))
        self._remove(RatingRow, theirs, "ratings", traces)
        self._session.exec(delete(ComparisonRow).where(col(ComparisonRow.answer).in_(traces.answers)))
        for row in self._session.exec(select(PhrasingRow)).all():
            kind, _, rest = row.origin.partition(":")
            answer, _, who = rest.partition(":")
            if kind in ("rating", "choice") and (answer in traces.answers or who == person.key):
                self._drop_phrasing(row, traces)

    def _erase_words_in_lessons(self, traces: _Traces) -> None:
        """Lessons about the person's questions: the questions go, the agents' own words stay."""
        about = select(LessonRow).where(col(LessonRow.about).in_(traces.answers))
        for row in self._session.exec(about).all():
            asked = _same(traces.answers[row.about or ""].question)
            row.about = None
            phrasings = self._session.exec(select(PhrasingRow).where(PhrasingRow.fact == row.fact)).all()
            theirs = [each for each in phrasings if each.origin == row.id and _same(each.text) == asked]
            for phrasing in theirs:
                self._drop_phrasing(phrasing, traces)
                traces.lessons.add(row.id)
            if _same(row.question) == asked:
                shown = [each for each in phrasings if each.tenant in (SHARED, row.tenant)]  # others' are theirs alone
                self._reword(row, [each.text for each in shown if _same(each.text) != asked], traces)

    def _reword(self, row: LessonRow, others: list[str], traces: _Traces) -> None:
        if not others:
            self._drop_lesson(row, traces)
            return
        traces.texts.add(row.question)
        traces.lessons.add(row.id)
        traces.facts.add(row.fact)
        row.question = others[0]
        self._session.add(row)

    def _drop_lesson(self, row: LessonRow, traces: _Traces) -> None:
        traces.lessons.add(row.id)
        traces.facts.add(row.fact)
        traces.texts |= {row.question, row.answer}
        traces.removed["lessons"] += 1
        for phrasing in self._session.exec(select(PhrasingRow).where(PhrasingRow.origin == row.id)).all():
            self._drop_phrasing(phrasing, traces)
        self._session.exec(delete(ComparisonRow).where(col(ComparisonRow.lesson) == row.id))
        self._session.delete(row)
        self._session.flush()

    def _drop_copies(self, lesson: LessonRow, traces: _Traces) -> None:
        """Answers to others that said what the lesson says."""
        self._remove(AnswerRow, col(AnswerRow.answer).contains(lesson.id), "answers", traces)
        self._remove(OutboxRow, col(OutboxRow.outgoing).contains(lesson.id), "messages sent", traces)
        said = (TurnRow.speaker == Speaker.BOT, TurnRow.text == lesson.answer)
        self._remove(TurnRow, and_(*said), "turns", traces)

    def _drop_phrasing(self, row: PhrasingRow, traces: _Traces) -> None:
        traces.texts.add(row.text)
        traces.facts.add(row.fact)
        traces.removed["phrasings"] += 1
        self._session.delete(row)
        self._session.flush()

    def _remove(self, table: type[SQLModel], condition: Any, what: str, traces: _Traces) -> None:
        traces.removed[what] += self._session.exec(delete(table).where(condition)).rowcount

    def _note_if_direct(self, place_text: str, traces: _Traces) -> None:
        place = from_text(PLACE, place_text)
        if place.is_direct:
            traces.places.add(place.key)

    # --- what stays without saying who -------------------------------------------------------------------------------

    def _anonymise(self, person: Acquaintance, traces: _Traces) -> int:
        changed = 0
        authored = self._session.exec(select(LessonRow).where(LessonRow.author == person.key)).all()
        for lesson in authored:
            lesson.author, lesson.author_name = FORGOTTEN, NAMELESS
            changed += 1 + self._unname_answers(lesson.id, person)
        told_there = col(FlagRow.value).contains(_json(person.key.partition(":")[2]))
        self._session.exec(delete(FlagRow).where(col(FlagRow.name).startswith(ADMINS_AT), told_there))
        by = ((DeploymentRow, DeploymentRow.by), (RunRow, RunRow.requested_by), (LessonRow, LessonRow.ruled_by))
        for table, column in by:
            named = update(table).where(col(column) == person.key).values({column.key: FORGOTTEN})  # type: ignore[attr-defined]
            changed += self._session.exec(named).rowcount
        self._session.flush()
        return changed + sum(self._unmention(needle, traces) for needle in _needles(person))

    def _unname_answers(self, lesson: str, person: Acquaintance) -> int:
        """Answers to others, which the person's lesson confirmed."""
        changed = 0
        for row in self._session.exec(select(AnswerRow).where(col(AnswerRow.answer).contains(lesson))).all():
            for name in filter(None, person.names):
                row.answer = row.answer.replace(f'"by": {_json(name)}', f'"by": {_json(NAMELESS)}')
            changed += 1
        return changed

    def _unmention(self, needle: str, traces: _Traces) -> int:
        """The id or full name, wherever others' texts mention it, in whichever column. The audit log has aliases, and
        is chained."""
        mentions = or_(*(_mentions(column, needle) for column in (col(LessonRow.question), col(LessonRow.answer))))
        for lesson in self._session.exec(select(LessonRow).where(mentions)).all():
            traces.lessons.add(lesson.id)
            traces.facts.add(lesson.fact)
            traces.texts |= {lesson.question, lesson.answer}
        changed = 0
        for table in (each for each in metadata.sorted_tables if each.name != AuditRow.__tablename__):
            for column in (each for each in table.columns if isinstance(each.type, TEXTUAL) and not each.primary_key):
                mentioned = update(table).where(_mentions(column, needle))
                changed += self._session.exec(
                    mentioned.values({column: func.replace(column, needle, FORGOTTEN)})
                ).rowcount
        self._session.expire_all()
        return changed


def _mentions(column: Any, needle: str) -> Any:
    return column.contains(needle, autoescape=True)


def _needles(person: Acquaintance) -> list[str]:
    """What surely means the person wherever it stands: a long id, a name of several words."""
    names = sorted(name for name in person.names if " " in name and len(name) > MIN_ID_CHARS)
    known_by = person.key.partition(":")[2]
    return [known_by, *names] if len(known_by) >= MIN_ID_CHARS else names


def _quoted(person: Acquaintance) -> str:
    return _json(person.key.partition(":")[2])


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _inner(text: str) -> str:
    """As it stands within a longer JSON string."""
    return _json(text)[1:-1]


def _same(text: str) -> str:
    return " ".join(text.split()).casefold()
