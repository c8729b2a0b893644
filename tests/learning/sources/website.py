"""A website on this machine, and a table of names in place of the network's."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from learning.sources.addresses import Hosts

Answer = tuple[int, dict[str, str], bytes]
HTML = {"Content-Type": "text/html; charset=utf-8"}


@dataclass
class Website:
    port: int = 0
    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """The host and path of every request."""
    names: dict[str, Sequence[str]] = field(default_factory=dict)
    """What names stand for."""
    looked_up: list[str] = field(default_factory=list)

    def put(self, path: str, body: str, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (status, HTML | named, body.encode())

    def put_sitemap(self, *paths: str, path: str = "/sitemap.xml") -> None:
        locations = "".join(f"<url><loc>{self.at(each)}</loc></url>" for each in paths)
        self.put(path, f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locations}</urlset>')

    def at(self, path: str) -> str:
        return path if "://" in path else f"http://help.example:{self.port}{path}"

    def resolve(self, host: str, port: int) -> Sequence[str]:
        self.looked_up.append(host)
        if host not in self.names:
            raise OSError("unknown name")
        return self.names[host]

    def hosts(self, *more: str) -> Hosts:
        """This website is named; and loopback addresses count as public, since it is on one."""
        named = frozenset((f"help.example:{self.port}", *more))
        return Hosts(named, self.resolve, lambda address: address.is_loopback)

    def strict(self, *named: str) -> Hosts:
        """As in earnest, but for who answers for names."""
        return Hosts(frozenset((f"help.example:{self.port}", *named)), self.resolve)

    def paths(self) -> list[str]:
        return [path for _, path in self.asked if path != "/robots.txt"]


@contextmanager
def open_website() -> Iterator[Website]:
    site = Website(names={"help.example": ["127.0.0.1"]})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.headers.get("Host", ""), self.path))
            status, headers, body = site.pages.get(self.path, (404, HTML, b"<h1>Nothing here</h1>"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
