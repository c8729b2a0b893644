"""Nothing leaves the machine that no setting sends away: a whole story, with every address but this machine's refused.

What asks for an address or connects is heard of by the interpreter itself (PEP 578), so that libraries written in C
are held to it as well as our own code.
"""

import ipaddress
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.answers import AnswerKind
from bot.people import Person, Platform
from tests.bot.events import correction, message
from tests.e2e.workshop import open_workshop, workshop_settings
from tests.fakes.connector import FakeConnector
from tests.house import open_house

ASKED, AGAIN = "Do you ship parcels to Norway? Write to cara@home.example.", "do you ship parcels to norway"
TAUGHT = "Yes, a parcel to Norway takes five working days."
LOCAL_NAMES = {"localhost", "0.0.0.0", "::", ""}


class Attempt(Exception):
    """Somebody tried to reach another machine."""


class Watch:
    """Hears of every connection of this process. Such a hook stays for good, so it can be told to be quiet."""

    attempts: list[str] | None = None

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.attempts is None or event not in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
            return
        address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        host = address[0] if isinstance(address, tuple) else address
        if not _is_this_machine(host):
            self.attempts.append(f"{event} {address!r}")
            raise Attempt(f"{event} {address!r}")


WATCH = Watch()
sys.addaudithook(WATCH)


def _is_this_machine(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host is None or not isinstance(host, str) or host.startswith("/") or host in LOCAL_NAMES:
        return True  # nothing, or a socket in the file system
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture
def attempts() -> Iterator[list[str]]:
    WATCH.attempts = []
    yield WATCH.attempts
    WATCH.attempts = None


def test_the_watch_refuses_other_machines_and_lets_this_one_through(attempts: list[str]) -> None:
    with socket.socket() as sock:
        sock.settimeout(0.1)
        with pytest.raises(Attempt):
            sock.connect(("203.0.113.1", 80))
        with pytest.raises(OSError):  # noqa: PT011  # nobody listens there, but it may be tried
            sock.connect(("127.0.0.1", 9))
    with pytest.raises(Attempt):
        socket.getaddrinfo("slack.com", 443)
    assert len(attempts) == 2


async def test_asking_correcting_and_asking_again_reaches_no_other_machine(attempts: list[str], folder: Path) -> None:
    chat = FakeConnector()
    async with open_house(folder, lambda _: [chat]) as house:
        await house.desk.receive(message(ASKED))
        await house.settle()
        await house.desk.receive(correction(chat.answers[-1].answer.id, ASKED, TAUGHT))
        await house.settle()
        await house.desk.receive(message(AGAIN))
        await house.settle()
    assert chat.answers[-1].answer.text == TAUGHT
    assert attempts == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
async def test_nor_do_the_real_parts_with_their_models(
    attempts: list[str], folder: Path, tiny: Path, unused_tcp_port: int
) -> None:
    """Page, encoder, engine, database, schedule: all that runs in a bot without Slack or Discord."""
    visitor = Person(Platform.WEB, "visitor", "You", groups=frozenset({"web:agent"}))
    async with open_workshop(workshop_settings(folder, tiny, web_port=unused_tcp_port)) as workshop:
        first = await workshop.desk.ask(ASKED)
        assert first.kind is AnswerKind.HANDOFF
        await workshop.desk.receive(correction(first.id, ASKED, TAUGHT, visitor))
        await workshop.bot.intake.idle()
        again = await workshop.desk.ask(AGAIN)
    assert (again.kind, again.text) == (AnswerKind.KNOWN, TAUGHT)
    assert attempts == []
