"""Real models for tests: those in the model cache run always, those that would have to be fetched are slow tests."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., object])

CACHE = Path(os.environ.get("MENTEE_CACHE_DIR") or "~/.cache/mentee").expanduser()


def needs(model: str) -> Callable[[Test], Test]:
    """Marks a test as slow unless the model's folder is in the cache."""

    def mark(test: Test) -> Test:
        if not (CACHE / model / "mentee.json").is_file():
            pytest.mark.slow(test)
        return test

    return mark
