"""A file that can be read only with its key, and only as it was written.

The content is encrypted in pieces of 1 MiB with AES-256-GCM; a piece's nonce is its number and whether it is the last
one, so that none can be left out, repeated or moved (STREAM: Hoang, Reyhanitabar, Rogaway & Vizár 2015). A key is used
for one file alone. Knows nothing of what is in it.
"""

import io
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

MAGIC = b"mentee sealed 1\n"
PIECE = 1 << 20
TAG = 16
KEY_BYTES = 32


class Sealed(Exception):
    """What is there is not what was sealed with this key."""


def header(name: str) -> bytes:
    return MAGIC + name.encode("ascii") + b"\n"


def read_header(file: BinaryIO) -> str:
    """The name, from the beginning of a file. Raises Sealed for one that was never sealed."""
    if file.read(len(MAGIC)) != MAGIC:
        raise Sealed("it was not written by `mentee backup`")
    return file.readline(200).decode("ascii", "replace").strip()


class Sealing(io.RawIOBase):
    """Writes into a file, encrypted. It is whole once this was closed."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        super().__init__()
        self._file, self._cipher = file, AESGCM(key)
        self._number, self._waiting = 0, bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        self._waiting += data
        while len(self._waiting) > PIECE:  # never the last one: that is told only at the end
            self._put(bytes(self._waiting[:PIECE]), is_last=False)
            del self._waiting[:PIECE]
        return len(memoryview(data))

    def close(self) -> None:
        if not self.closed:
            self._put(bytes(self._waiting), is_last=True)
        super().close()

    def _put(self, piece: bytes, *, is_last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, is_last=is_last), piece, None))
        self._number += 1


class Unsealing(io.RawIOBase):
    """Reads what was sealed. Each piece is checked before any byte of it is given out; raises Sealed."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        super().__init__()
        self._file, self._cipher = file, AESGCM(key)
        self._number, self._ahead = 0, file.read(PIECE + TAG)
        self._piece, self._place, self._is_over = b"", 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        into = memoryview(buffer).cast("B")
        while self._place == len(self._piece) and not self._is_over:
            self._next()
        taken = self._piece[self._place : self._place + len(into)]
        into[: len(taken)] = taken
        self._place += len(taken)
        return len(taken)

    def _next(self) -> None:
        sealed, self._ahead = self._ahead, self._file.read(PIECE + TAG)
        self._is_over = not self._ahead
        try:
            self._piece = self._cipher.decrypt(_nonce(self._number, is_last=self._is_over), sealed, None)
        except InvalidTag:
            raise Sealed("it was changed or cut off, or its key is another one") from None
        self._place, self._number = 0, self._number + 1


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11) + bytes([is_last])
