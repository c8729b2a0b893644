"""What a person sees of the bot at a glance: its state, their own lessons, and for admins what waits for review, the
adapters and the settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.access import Deed
from bot.commands import Commands
from bot.feedback import Lesson
from bot.ids import Tenant
from bot.people import Person
from bot.policy import Policy
from bot.ports import Unit
from bot.texts import Texts

MAX_LESSONS = 10
MAX_SUGGESTIONS = 4


@dataclass(frozen=True)
class Home:
    state: str
    lessons: tuple[Lesson, ...]
    """The person's own that still hold, newest first."""
    review: str | None
    """This and what follows: None for whoever is no admin."""
    adapters: str | None
    settings: str | None


def home_of(unit: Unit, person: Person, commands: Commands, of: Tenant | None = None) -> Home:
    """Inside one transaction, of what the unit sees, and of what waits for a workspace to review (None: for any).
    Customers are told how to ask, not what the bot consists of."""
    staff = commands.policy.staff
    is_admin = staff.may(person, Deed.DECIDE)
    state = commands.describe(commands.status(unit)) if staff.may(person, Deed.STATUS) else commands.texts.help
    mine = unit.lessons.by(person.key)
    return Home(
        state=state,
        lessons=tuple(reversed(mine[-MAX_LESSONS:])),
        review=commands.reviewing.describe(unit, of) if is_admin else None,
        adapters=commands.list_adapters(unit) if staff.may(person, Deed.PROMOTE) else None,
        settings=_settings(commands.policy, commands.texts) if is_admin else None,
    )


def _settings(policy: Policy, texts: Texts) -> str:
    """What the operator has set, as far as it decides over answers and lessons."""
    return texts.home_settings_are.format(
        known=policy.known_from, clarify=policy.clarify_from, offer=policy.offer_from, grounded=policy.grounded_from,
        remind=policy.remind_after.total_seconds() / 60, asks=policy.asks_a_minute, amend=policy.amend_within.days,
        trust=policy.trust_from, lessons=policy.lessons_an_hour, canary=policy.canary_share,
        sharing=texts.workspaces_apart if policy.separate else texts.workspaces_share,
    )  # fmt: skip


def suggestions(unit: Unit) -> Sequence[str]:
    """Questions that the bot can surely answer: those taught last."""
    newest = unit.lessons.newest(3 * MAX_SUGGESTIONS)  # a question may have been answered several times
    return list(dict.fromkeys(lesson.question for lesson in newest))[:MAX_SUGGESTIONS]
