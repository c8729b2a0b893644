"""Who may do what: the one table that decides, for all gestures and commands on all platforms.

Knows nothing of how a platform looks people up. Connectors report what it says of a person (`bot/people.py`); whatever
a connector couldn't find out makes nobody staff.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.people import Person, Platform, Role
from bot.texts import Texts


class Deed(StrEnum):
    # talking
    ASK = "ask"
    """Ask, and edit or delete what one has asked."""
    CHOOSE = "choose"
    """Click one of the "did you mean" buttons: it answers. The wording is learnt of whoever may teach."""
    RATE = "rate"
    """✅, ❌ and why: counts as satisfaction, and trains nothing."""
    # teaching
    TEACH = "teach"
    """The form, ✏️, a reply that is marked as right; a ✅ that is learnt from, and one on a held lesson."""
    TAKE = "take"
    """Take a hand-off, or say that it is solved."""
    DECIDE = "decide"
    """Settle alone what is held. Of whoever may, nothing is held."""
    LOAD = "load"
    """Send a file of help, see what loads did, and restore what they dropped."""
    # commands
    HELP = "help"
    OPTOUT = "optout"
    OPTIN = "optin"
    STATUS = "status"
    WHY = "why"
    BLAME = "blame"
    ADAPTERS = "adapters"
    REVIEW = "review"
    ACCEPT = "accept"
    DROP = "drop"
    """A lesson that waits, or one that is in use."""
    RETRAIN = "retrain"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    PAUSE = "pause"
    RESUME = "resume"
    FORGET = "forget"
    SETTINGS = "settings"
    LOGIN = "login"
    """Be on the page as oneself."""


NEEDED: Mapping[Deed, Role] = {
    Deed.ASK: Role.CUSTOMER,
    Deed.CHOOSE: Role.CUSTOMER,
    Deed.RATE: Role.CUSTOMER,
    Deed.TEACH: Role.AGENT,
    Deed.TAKE: Role.AGENT,
    Deed.DECIDE: Role.ADMIN,
    Deed.LOAD: Role.ADMIN,
    Deed.HELP: Role.CUSTOMER,
    Deed.OPTOUT: Role.CUSTOMER,
    Deed.OPTIN: Role.CUSTOMER,
    Deed.STATUS: Role.AGENT,
    Deed.WHY: Role.AGENT,
    Deed.BLAME: Role.AGENT,
    Deed.ADAPTERS: Role.AGENT,
    Deed.REVIEW: Role.AGENT,
    Deed.ACCEPT: Role.AGENT,
    Deed.DROP: Role.ADMIN,
    Deed.RETRAIN: Role.ADMIN,
    Deed.PROMOTE: Role.ADMIN,
    Deed.ROLLBACK: Role.ADMIN,
    Deed.PAUSE: Role.ADMIN,
    Deed.RESUME: Role.ADMIN,
    Deed.FORGET: Role.ADMIN,
    Deed.SETTINGS: Role.ADMIN,
    Deed.LOGIN: Role.AGENT,
}
"""The least role that each asks for. Nobody has none, so that a bot may not even ask."""

FOR_ALL = frozenset({Deed.RETRAIN, Deed.PROMOTE, Deed.ROLLBACK, Deed.PAUSE, Deed.RESUME, Deed.FORGET})
"""What concerns all workspaces. Where they don't share what they know, a workspace's own admin may not: only whom the
operator's settings name by their own id."""

COMMANDS = frozenset(NEEDED) - {Deed.ASK, Deed.CHOOSE, Deed.RATE, Deed.TEACH, Deed.TAKE, Deed.DECIDE, Deed.LOAD}


@dataclass(frozen=True)
class Staff:
    """Who counts as an agent or an admin: user ids or group ids, as the operator's settings name them."""

    agents: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()
    workspace_admins_are_admins: bool = True
    separate: bool = False
    """Workspaces don't share what they know."""

    def role_of(self, person: Person) -> Role:
        if person.platform is Platform.CLI:
            return Role.OPERATOR
        if person.is_bot:
            return Role.NOBODY
        if person.is_outsider or person.is_unverified:
            return Role.CUSTOMER
        badges = person.groups | {person.id}
        if badges & self.admins or (person.is_workspace_admin and self.workspace_admins_are_admins):
            return Role.ADMIN
        return Role.AGENT if badges & self.agents else Role.CUSTOMER

    def may(self, person: Person, deed: Deed) -> bool:
        return self.role_of(person) >= NEEDED[deed] and (deed not in FOR_ALL or self.is_for_all(person))

    def is_for_all(self, person: Person) -> bool:
        """Whether an admin is one of the whole bot: groups and roles are a workspace's own to give."""
        return not self.separate or person.platform in (Platform.CLI, Platform.WEB) or person.id in self.admins


def refusal(person: Person, text: str, texts: Texts) -> str:
    """`text`, unless the platform couldn't be asked who this is: whoever may do it is told to try again."""
    return texts.not_verified if person.is_unverified else text
