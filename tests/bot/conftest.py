"""The core over a real database, with a connector that keeps what it is told to post."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.connector import FakeConnector
from tests.house import House, open_house


@pytest.fixture
def chat() -> FakeConnector:
    return FakeConnector()


@pytest.fixture
async def house(tmp_path: Path, chat: FakeConnector) -> AsyncIterator[House]:
    async with open_house(tmp_path, lambda _: [chat]) as opened:
        yield opened
