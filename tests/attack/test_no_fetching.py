"""No address that stands in a question, a lesson, a help page or a FAQ entry is ever fetched, and none is looked up.

What opens connections at all is named below: chat platforms, models by name, and the engine that an operator sets.
"""

import ast
import socket
from pathlib import Path
from typing import Any

import pytest

from bot.texts import ENGLISH
from connectors.web.board import Entry
from connectors.web.rendering import Rendering
from learning.sources.ingest import Options, ingest
from tests.bot.events import AGENT, CUSTOMER, NOW, correction, message
from tests.fakes.connector import FakeConnector
from tests.house import open_house

ROOT = Path(__file__).parents[2]
CLIENTS = {"aiohttp", "discord", "http", "httpx", "huggingface_hub", "requests", "slack_bolt", "slack_sdk", "socket",
           "urllib.request", "urllib3", "websockets"}  # fmt: skip
MAY_CONNECT = {
    "connectors/discord", "connectors/slack",  # the platforms
    "connectors/web/listening.py",  # listens
    "learning/models.py",  # a base model by its hub id, once
    "learning/sources/addresses.py", "learning/sources/fetching.py",  # sitemaps of hosts that an operator named
    "learning/serving/llamacpp.py", "learning/serving/openai_server.py", "learning/serving/streaming.py",  # the engine
    "deploy/profiles.py",  # whom an operator named, to tell of askers
    "deploy/doctor.py", "deploy/serve.py", "deploy/verbs.py",  # whether the page's port is taken; this host's name
    "deploy/bench",
}  # fmt: skip

HOSTS = (
    "127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "192.168.0.1",
    "172.16.0.1", "100.64.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "metadata.google.internal",
    "127.0.0.1.nip.io", "evil.example", "evil.example@127.0.0.1", "127.0.0.1#evil.example", "１２７.０.０.１",
    "[fe80::1]", "[fc00::1]", "localhost.localdomain",
)  # fmt: skip
FORMS = ("http://{}/", "https://{}:8443/latest/meta-data?x=1")
SCHEMES = (
    "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:6379/_FLUSHALL", "dict://127.0.0.1:11211/stat",
    "ldap://127.0.0.1/", "jar:http://127.0.0.1!/", "data:text/html,<script>1</script>", "javascript:fetch('/')",
    "//127.0.0.1/", "http:127.0.0.1", "http:/127.0.0.1", "\\\\127.0.0.1\\share",
)  # fmt: skip
URLS = [*(form.format(host) for host in HOSTS for form in FORMS), *SCHEMES]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
    return names


def test_only_what_is_named_can_open_a_connection() -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in ("bot", "connectors", "deploy", "learning", "storage")
        for path in (ROOT / package).rglob("*.py")
        if any(name == client or name.startswith(f"{client}.") for name in imported(path) for client in CLIENTS)
    }
    assert {path for path in found if not path.startswith(tuple(MAY_CONNECT))} == set()


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every look-up and every connection that is tried."""
    tried: list[Any] = []

    def refuse(*arguments: Any, **_: Any) -> Any:
        tried.append(arguments)
        raise OSError("no connection is expected here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    return tried


async def test_sixty_forms_of_addresses_in_every_text(tmp_path: Path, connections: list[Any]) -> None:
    assert len(URLS) >= 60
    docs = tmp_path / "docs"
    docs.mkdir()
    for number, url in enumerate(URLS):
        page = f"---\nlink: {url}\n---\n# Page {number}\n![x]({url})\n[a]({url}) <{url}>\nText number {number}.\n"
        (docs / f"{number}.md").write_text(page, encoding="utf-8")
    rows = "".join(f'"How does {number} work?","See {url}"\n' for number, url in enumerate(URLS) if '"' not in url)
    (docs / "faq.csv").write_text("question,answer\n" + rows, encoding="utf-8")
    chat = FakeConnector()
    async with open_house(tmp_path, lambda _: [chat]) as house:
        await ingest([docs], house.store, Options())
        for url in URLS[::4]:
            await house.desk.receive(message(f"What is {url} ?"))
            await house.settle()
            await house.desk.receive(correction(chat.answers[-1].answer.id, f"What is {url} ?", f"It is {url}.", AGENT))
            await house.desk.receive(message(f"What is {url} ?"))
            await house.settle()
        for posted in chat.posted:
            Rendering(ENGLISH, "Mentee").entry(Entry("e", NOW, posted), CUSTOMER)
    assert connections == []


def test_a_connection_would_be_seen(connections: list[Any]) -> None:
    with pytest.raises(OSError, match="no connection"):
        socket.create_connection(("127.0.0.1", 9))
    assert len(connections) == 1
