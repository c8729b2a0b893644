"""Fetches pages of hosts that were named, within limits, as robots.txt allows. Knows nothing of what the pages say.

Every request, each hop of a redirect included, is checked by `addresses.py`, and goes to the very address that was
checked. Nothing is taken from the environment: a proxy would connect to whatever it likes.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
from protego import Protego

from bot.errors import SourceUnreadable
from learning.sources.addresses import Hosts, name_in

AGENT = "mentee"
"""What robots.txt may call us."""
HEADERS = {"User-Agent": f"{AGENT} (support bot; reads help pages)", "Accept-Encoding": "identity"}
MAX_REDIRECTS = 5
MAX_PAUSE_S = 10.0
ROBOTS_BYTES = 500_000
TIMEOUT = httpx.Timeout(10.0)
SECONDS = 60.0
"""For one page, however slowly it trickles in."""
GONE = frozenset({404, 410})


@dataclass(frozen=True)
class Page:
    address: str
    """Where it was found in the end."""
    status: int
    headers: Mapping[str, str]
    body: bytes


class CheckedTransport(httpx.BaseTransport):
    """Connects to the address that was checked; certificates are compared with the host's name as ever."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        # No connection is used again: two hosts may share an address, and each shall show its own certificate.
        self._inner = httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._hosts.check(request.url)
        address = self._hosts.address(request.url)
        sent = httpx.Request(
            request.method, request.url.copy_with(host=address), headers=request.headers, stream=request.stream,
            extensions={**request.extensions, "sni_hostname": name_in(request.url)},
        )  # fmt: skip
        return self._inner.handle_request(sent)

    def close(self) -> None:
        self._inner.close()


@dataclass
class Fetcher:
    """A context manager."""

    hosts: Hosts
    _robots: dict[str, Protego] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)
    """When each host was asked last."""

    def __enter__(self) -> "Fetcher":
        transport = CheckedTransport(self.hosts)
        self._client = httpx.Client(transport=transport, headers=HEADERS, timeout=TIMEOUT, trust_env=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def page(self, address: str, most_bytes: int) -> Page:
        """Fetch it, following redirects. Raises SourceUnreadable; a status other than 200 is told, not raised."""
        url = _url(address)
        for _ in range(MAX_REDIRECTS + 1):
            self._ask_robots(url)
            page, further = self._get(url, most_bytes)
            if further is None:
                return page
            url = further
        raise SourceUnreadable(f"more than {MAX_REDIRECTS} redirects")

    def _ask_robots(self, url: httpx.URL) -> None:
        """Raises SourceUnreadable for what the host wants to be left alone; waits where it wants pauses."""
        self.hosts.check(url)
        origin = str(url.copy_with(path="/robots.txt", query=None, fragment=None))
        if origin not in self._robots:
            self._robots[origin] = self._read_robots(origin)
        robots = self._robots[origin]
        if not robots.can_fetch(str(url), AGENT):
            raise SourceUnreadable("robots.txt forbids it")
        pause = min(robots.crawl_delay(AGENT) or 0.0, MAX_PAUSE_S)
        wait = self._last.get(origin, -pause) + pause - time.monotonic()
        if pause and wait > 0:
            time.sleep(wait)
        self._last[origin] = time.monotonic()

    def _read_robots(self, address: str) -> Protego:
        """RFC 9309: without the file all is allowed; while the host can't say, nothing is."""
        url: httpx.URL | None = httpx.URL(address)
        for _ in range(MAX_REDIRECTS + 1):
            assert url is not None
            page, url = self._get(url, ROBOTS_BYTES)
            if url is None:
                break
        else:
            return Protego.parse("")
        if page.status >= 500:
            raise SourceUnreadable(f"its robots.txt can't be read (status {page.status}), so nothing is fetched")
        return Protego.parse(page.body.decode("utf-8", "replace") if page.status == 200 else "")

    def _get(self, url: httpx.URL, most_bytes: int) -> tuple[Page, httpx.URL | None]:
        """One request: the page, and where it leads to if it is a redirect."""
        try:
            with self._client.stream("GET", url) as response:
                further = response.next_request
                body = b"" if further is not None else _body(response, most_bytes)
                page = Page(str(url), response.status_code, response.headers, body)
                return page, further.url if further is not None else None
        except httpx.HTTPError as problem:
            raise SourceUnreadable(f"it can't be fetched ({type(problem).__name__})") from problem
        except httpx.InvalidURL as problem:
            raise SourceUnreadable("it leads to something that is no address") from problem


def _url(address: str) -> httpx.URL:
    try:
        return httpx.URL(address)
    except (httpx.InvalidURL, UnicodeError, ValueError) as problem:
        raise SourceUnreadable("no address") from problem


def _body(response: httpx.Response, most_bytes: int) -> bytes:
    """As it is sent: what comes packed might be a bomb."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise SourceUnreadable("it comes packed, though we asked for it as it is")
    body, until = bytearray(), time.monotonic() + SECONDS
    for piece in response.iter_raw():
        body += piece
        if len(body) > most_bytes:
            raise SourceUnreadable(f"larger than {most_bytes / 1e6:.0f} MB")
        if time.monotonic() > until:
            raise SourceUnreadable(f"it takes longer than {SECONDS:.0f} s")
    return bytes(body)
