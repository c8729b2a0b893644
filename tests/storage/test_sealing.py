"""What is sealed comes back as it was, or not at all."""

import io
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.sealing import KEY_BYTES, PIECE, TAG, Sealed, Sealing, Unsealing, header, read_header

KEY = secrets.token_bytes(KEY_BYTES)
SIZES = [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7]


def sealed(content: bytes, key: bytes = KEY, step: int = 400_000) -> bytes:
    file = io.BytesIO()
    with Sealing(file, key) as writer:
        for start in range(0, len(content), step):
            writer.write(content[start : start + step])
    return file.getvalue()


def unsealed(raw: bytes, key: bytes = KEY) -> bytes:
    return Unsealing(io.BytesIO(raw), key).readall() or b""


@pytest.mark.parametrize("size", SIZES)
def test_it_comes_back_whatever_its_size(size: int) -> None:
    content = secrets.token_bytes(size)
    raw = sealed(content)
    assert unsealed(raw) == content
    assert len(raw) == size + TAG * max(1, -(-size // PIECE))
    assert content[:64] not in raw or not content


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_change_is_noticed(data: st.DataObject) -> None:
    raw = bytearray(sealed(b"kanarie" * 400_000))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Sealed):
        unsealed(bytes(raw))


FIRST = PIECE + TAG


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[:-1], lambda raw: raw[:FIRST], lambda raw: raw[: 2 * FIRST], lambda raw: b"",
        lambda raw: raw + b"x", lambda raw: raw[FIRST:],
        lambda raw: raw[FIRST : 2 * FIRST] + raw[:FIRST] + raw[2 * FIRST :],
        lambda raw: raw[:FIRST] + raw,
    ],
)  # fmt: skip
def test_pieces_are_neither_left_out_nor_moved(change: object) -> None:
    raw = sealed(b"heron" * 500_000)
    with pytest.raises(Sealed):
        unsealed(change(raw))  # type: ignore[operator]


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Sealed):
        unsealed(sealed(b"heron"), secrets.token_bytes(KEY_BYTES))


def test_what_was_never_sealed_is_told() -> None:
    assert read_header(io.BytesIO(header("name") + b"more")) == "name"
    with pytest.raises(Sealed, match="mentee backup"):
        read_header(io.BytesIO(b"SQLite format 3"))
