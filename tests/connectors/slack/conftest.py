"""A Slack workspace with a whole bot in it, reached in either of the two ways."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.connectors.slack.studio import Studio, open_studio


@pytest.fixture
async def socket_studio(tmp_path: Path) -> AsyncIterator[Studio]:
    async with open_studio(tmp_path, "socket") as studio:
        yield studio


@pytest.fixture
async def http_studio(tmp_path: Path) -> AsyncIterator[Studio]:
    async with open_studio(tmp_path, "http") as studio:
        yield studio
