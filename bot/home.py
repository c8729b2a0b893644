"""What a person sees of the bot at a glance: its state, their own lessons, and for admins what waits for review, the
adapters and the settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.access import Deed
from bot.commands import Commands
from bot.feedback import Lesson
from bot.ids import Tenant
from bot.people import Person
from bot.ports import Unit

MAX_LESSONS = 10
MAX_SUGGESTIONS = 4


@dataclass(frozen=True)
class Home:
    state: str
    lessons: tuple[Lesson, ...] | None
    """The person's own that still hold, newest first; None for whoever may not teach."""
    review: str | None
    """This and what follows: None for whoever is no admin."""
    adapters: str | None
    settings: str | None


def home_of(unit: Unit, person: Person, commands: Commands, of: Tenant | None = None) -> Home:
    """Inside one transaction, of what the unit sees, and of what waits for a workspace to review (None: for any).
    Customers are told how to ask, not what the bot consists of."""
    staff = commands.policy.staff
    is_admin = staff.may(person, Deed.DECIDE)
    state = commands.describe(commands.status(unit)) if staff.may(person, Deed.STATUS) else commands.help_for(person)
    mine = unit.lessons.by(person.key)
    return Home(
        state=state,
        lessons=tuple(reversed(mine[-MAX_LESSONS:])) if staff.may(person, Deed.TEACH) else None,
        review=commands.reviewing.describe(unit, of) if is_admin else None,
        adapters=commands.list_adapters(unit) if staff.may(person, Deed.PROMOTE) else None,
        settings=commands.settings if is_admin else None,
    )


def suggestions(unit: Unit) -> Sequence[str]:
    """Questions that the bot can surely answer: those taught last."""
    newest = unit.lessons.newest(3 * MAX_SUGGESTIONS)  # a question may have been answered several times
    return list(dict.fromkeys(lesson.question for lesson in newest))[:MAX_SUGGESTIONS]
