"""Who stands before a connector in the tests of access, and what the table in `bot/access.py` must say of each.

All of them but the customer and the agent are named as admins in the settings, by their ids: what a platform says of
them, or can't say, must outweigh that.
"""

from collections.abc import Mapping
from enum import StrEnum

from bot.access import COMMANDS, NEEDED, Deed, Staff
from bot.people import Person, Role


class Who(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"
    GUEST = "guest"
    STRANGER = "stranger"  # of another workspace or server, and an admin there
    BOT = "bot"
    EX_MEMBER = "ex_member"
    UNKNOWN = "unknown"  # the platform can't be asked


ROLES: Mapping[Who, Role] = {
    Who.CUSTOMER: Role.CUSTOMER,
    Who.AGENT: Role.AGENT,
    Who.ADMIN: Role.ADMIN,
    Who.GUEST: Role.CUSTOMER,
    Who.STRANGER: Role.CUSTOMER,
    Who.BOT: Role.NOBODY,
    Who.EX_MEMBER: Role.CUSTOMER,
    Who.UNKNOWN: Role.CUSTOMER,
}

GESTURES: Mapping[str, Deed] = {
    "message": Deed.ASK,
    "edit": Deed.ASK,
    "choice": Deed.CHOOSE,
    "tick": Deed.RATE,
    "cross": Deed.RATE,
    "reason": Deed.RATE,
    "pencil": Deed.TEACH,
    "untick": Deed.RATE,
    "form": Deed.TEACH,
    "submit": Deed.TEACH,
    "mark": Deed.TEACH,
    "bullseye": Deed.TEACH,
    "no bullseye": Deed.TEACH,
    "learn": Deed.TEACH,
    "replace": Deed.TEACH,
    "claim": Deed.TAKE,
    "solve": Deed.TAKE,
    "why menu": Deed.WHY,
}
"""All that isn't a command."""

MARKS = ("bullseye", "no bullseye")
MAY_MARK = {Who.AGENT, Who.ADMIN, Who.UNKNOWN}
"""Of others nothing is taken in, so that the reply is not read. Who is unknown is told so, and it isn't read either."""


def expected(who: Who, deed: Deed) -> bool:
    return ROLES[who] >= NEEDED[deed]


def staff_naming(ids: Mapping[Who, str]) -> Staff:
    named = frozenset(ids[who] for who in ids if who not in (Who.CUSTOMER, Who.AGENT))
    return Staff(agents=frozenset({ids[Who.AGENT]}), admins=named)


def decisions(staff: Staff, heard: Mapping[tuple[Who, str], Person | None]) -> dict[tuple[Who, str], bool]:
    """Cell by cell; nobody at all was heard where the connector had taken nothing in."""
    return {
        (who, name): person is not None and staff.may(person, deed_of(name)) for (who, name), person in heard.items()
    }


def deed_of(name: str) -> Deed:
    return GESTURES[name] if name in GESTURES else Deed(name)


def wanted(cells: Mapping[tuple[Who, str], object]) -> dict[tuple[Who, str], bool]:
    return {(who, name): expected(who, deed_of(name)) for who, name in cells}


ALL = (*GESTURES, *sorted(COMMANDS))
