"""Buttons below what the bot says, once for all platforms: they only draw them, and say which was pressed."""

from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    CLAIM = "claim"  # about: the hand-off's answer
    SOLVE = "solve"  # about: the hand-off's answer
    LEARN = "learn"  # about: the reply, as channel/message
    APPROVE = "approve"  # about: the answer
    REJECT = "reject"  # about: the answer
    REASON = "reason"  # about: the answer; detail: the reason
    REPLACE = "replace"  # about: the lesson


@dataclass(frozen=True)
class Button:
    label: str
    act: Act
    about: str
    detail: str = ""
    is_main: bool = False
    """At most one of a group; platforms that know colours stress it."""

    @property
    def code(self) -> str:
        """All that the button means, in at most 80 characters without blanks: it works after a restart."""
        return f"{self.act}:{self.about}:{self.detail}"


def parse_code(code: str) -> tuple[Act, str, str]:
    """Act, what it is about, and the detail. Raises ValueError for anything that `Button.code` doesn't write."""
    act, about, detail = code.split(":")
    return Act(act), about, detail
