"""Who may do what. Connectors report what the platform says of a person; the role is decided here, once for all.

Knows nothing of how a platform looks its groups up. A look-up that failed arrives as "no groups", so it fails closed.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Platform(StrEnum):
    SLACK = "slack"
    DISCORD = "discord"
    WEB = "web"
    CLI = "cli"


class Role(IntEnum):
    """Each role may do all that the ones below it may."""

    CUSTOMER = 0
    AGENT = 1
    ADMIN = 2
    OPERATOR = 3


@dataclass(frozen=True)
class Person:
    platform: Platform
    id: str
    """The platform's own user id."""
    name: str = ""
    groups: frozenset[str] = frozenset()
    """Ids or names of the roles (Discord), user groups (Slack) that the platform says the person is in."""
    is_workspace_admin: bool = False
    is_outsider: bool = False
    """A guest, or somebody of another workspace: never staff, whatever the settings name them."""
    is_bot: bool = False
    """Another program: what it does is ignored."""
    language: str = ""
    """As the platform tells it, if it does: a BCP 47 tag, as de-CH."""

    @property
    def key(self) -> str:
        return f"{self.platform}:{self.id}"

    @classmethod
    def of_key(cls, key: str, name: str = "") -> "Person":
        """Whom a key names, as far as it tells: groups are unknown."""
        platform, _, own_id = key.partition(":")
        return cls(Platform(platform), own_id, name)


OPERATOR = Person(Platform.CLI, "operator", "the operator")


@dataclass(frozen=True)
class Staff:
    """Who counts as an agent or an admin: user ids or group ids, as the operator's settings name them."""

    agents: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()
    workspace_admins_are_admins: bool = True

    def role_of(self, person: Person) -> Role:
        if person.platform is Platform.CLI:
            return Role.OPERATOR
        if person.is_outsider or person.is_bot:
            return Role.CUSTOMER
        badges = person.groups | {person.id}
        if badges & self.admins or (person.is_workspace_admin and self.workspace_admins_are_admins):
            return Role.ADMIN
        return Role.AGENT if badges & self.agents else Role.CUSTOMER
