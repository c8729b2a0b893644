"""Databases take so many parameters in one query and no more."""

from collections.abc import Iterable, Sequence

MAX_PARAMETERS = 500


def portions(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    """Keys for one query each."""
    return (keys[i : i + MAX_PARAMETERS] for i in range(0, len(keys), MAX_PARAMETERS))
