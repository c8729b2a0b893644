"""Who wants nothing kept: they are answered like everybody, nothing is learnt from what they write, and it is removed
within a day, but for what an agent still has to answer.

The wish is kept under a hash of the id, so that it holds also when all else that is kept of a person is gone.
Every function runs inside one transaction.
"""

import hashlib
from datetime import datetime, timedelta

from bot.answers import Answer
from bot.events import Place
from bot.people import Person
from bot.ports import Unit

NEEDED_FOR = timedelta(hours=1)
"""So long platforms may send the same event again, and people go on with a conversation."""
OUT, IN = "out", "in"
_FLAGS = "optout:"


def is_out(unit: Unit, person: str) -> bool:
    """`person`: `Person.key`."""
    return unit.flags.get(_flag(person)) == OUT


def opt(unit: Unit, person: str, *, out: bool) -> None:
    unit.flags.set(_flag(person), OUT if out else IN)


def keep_answer(unit: Unit, answer: Answer, place: Place, asker: Person, asked_in: str | None) -> None:
    """Keep an answer; one to somebody who opted out as one that nothing is learnt from."""
    unit.answers.add(answer, place, asker, asked_in)
    if is_out(unit, asker.key):
        unit.answers.retract(answer.id)


def shed(unit: Unit, now: datetime) -> int:
    """Remove what is kept of those who opted out and needed no more; how many rows."""
    if not unit.flags.is_any(_FLAGS, OUT):  # else everybody who was ever met is read
        return 0
    out = [who for who in unit.persons.known() if is_out(unit, who.key)]
    return sum(unit.persons.shed(who, now - NEEDED_FOR) for who in out)


def _flag(person: str) -> str:
    return f"{_FLAGS}{hashlib.sha256(person.encode()).hexdigest()}"
