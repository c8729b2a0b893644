"""People as their platform names them, and the roles that they can have. Who has which is decided in `access.py`."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Platform(StrEnum):
    SLACK = "slack"
    DISCORD = "discord"
    WEB = "web"
    CLI = "cli"


class Role(IntEnum):
    """Each role may do all that the ones below it may."""

    NOBODY = -1
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
    """A guest, a former member, or somebody of another workspace: never staff, whatever the settings name them."""
    is_bot: bool = False
    """Another program: what it does is ignored."""
    is_unverified: bool = False
    """The platform couldn't be asked who this is: not staff until it can, whatever the settings name them."""
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
