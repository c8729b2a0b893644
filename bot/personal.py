"""Personal data in a text, and the placeholders that take its place. Knows nothing of how it is found."""

import hashlib
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What is personal. The order is that of precedence where two kinds claim the same characters."""

    URL = "URL"  # an address that opens something: with a token, a signature or a password in it
    SECRET = "SECRET"  # keys, tokens, passwords
    EMAIL = "EMAIL"
    IBAN = "IBAN"
    CARD = "CARD"
    ID = "ID"  # a number that a state gave a person
    IP = "IP"
    PHONE = "PHONE"
    NAME = "NAME"
    USER = "USER"  # a platform's mention of a person


PLACEHOLDER = re.compile(rf"<(?:{'|'.join(Kind)})_\d+>")

NOBODYS_TO_PUBLISH = frozenset({Kind.SECRET, Kind.URL, Kind.CARD, Kind.ID})
"""What has no place in an answer either, whoever wrote it. A support address or phone number does."""


@dataclass(frozen=True, order=True)
class Span:
    """Characters `start` to `end` (excluded) of a text."""

    start: int
    end: int
    kind: Kind


@dataclass
class Labels:
    """Numbers the personal data of one conversation, so that the same value is called the same throughout.

    Keeps no value: only digests under a key that ends with the process.
    """

    _numbers: dict[bytes, int] = field(default_factory=dict)
    _counts: dict[Kind, int] = field(default_factory=dict)
    _askers: set[bytes] = field(default_factory=set)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def replace(self, text: str, spans: Sequence[Span]) -> str:
        """The text with a placeholder such as <EMAIL_1> in place of each span; spans must not overlap."""
        pieces, end = [], 0
        for span in sorted(spans):
            pieces += [text[end : span.start], f"<{span.kind}_{self._number(text[span.start : span.end], span.kind)}>"]
            end = span.end
        return "".join([*pieces, text[end:]])

    def named(self, text: str, spans: Collection[Span]) -> dict[str, str]:
        """The placeholders of the spans, with what stands there."""
        values = [(text[span.start : span.end], span.kind) for span in spans]
        return {f"<{kind}_{self._number(value, kind)}>": as_written(value) for value, kind in values}

    def note_askers(self, text: str, spans: Collection[Span]) -> None:
        """Remember the values of the spans as the asker's."""
        self._askers.update(self._digest(text[span.start : span.end], span.kind) for span in spans)

    def askers(self, text: str, spans: Collection[Span]) -> list[Span]:
        """Those of the spans whose value is the asker's."""
        return [span for span in spans if self._digest(text[span.start : span.end], span.kind) in self._askers]

    def _number(self, value: str, kind: Kind) -> int:
        digest = self._digest(value, kind)
        if digest not in self._numbers:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._numbers[digest] = self._counts[kind]
        return self._numbers[digest]

    def _digest(self, value: str, kind: Kind) -> bytes:
        return hashlib.blake2b(f"{kind}:{_same(value)}".encode(errors="replace"), key=self._key).digest()


def _same(value: str) -> str:
    """However it is written: capitals, blanks, and what a chat puts around a link make no difference."""
    return re.sub(r"[\s().-]", "", as_written(value)).casefold()


def as_written(value: str) -> str:
    """Without what a chat puts around a link: <mailto:a@b|a@b> is a@b."""
    return re.sub(r"^<(?:mailto:|tel:)?([^|>]*)[^>]*>$", r"\1", value)
