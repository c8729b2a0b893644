"""A site's help pages as a folder of files, which is loaded like any other folder.

An address is that of a sitemap, of an index of sitemaps, or of one page. What can't be fetched this time stays as it
was; what is gone from the site goes from the folder, so that the next load forgets it.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from bot.errors import SourceUnreadable
from bot.lineage import Progress
from learning.sources.addresses import Hosts
from learning.sources.fetching import GONE, Fetcher, Page
from learning.sources.formats import MB, TEXT_BYTES
from learning.sources.html import declared_encoding

MAX_SITEMAPS = 50
MAX_PAGES = 5_000
SITEMAP_BYTES = 10 * MB
HTML_TYPES = ("text/html", "application/xhtml+xml")

Tell = Callable[[Progress], None]


@dataclass
class Mirrored:
    folder: Path
    pages: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Addresses that couldn't be used, with the reason."""


def mirror(address: str, parent: Path, hosts: Hosts, tell: Tell = lambda _: None) -> Mirrored:
    """Bring the folder of an address up to date. Raises SourceUnreadable when the address itself can't be used."""
    done = Mirrored(parent / _name(address))
    with Fetcher(hosts) as fetcher:
        first = _found(fetcher.page(address, SITEMAP_BYTES))
        if (addresses := _addresses(fetcher, first, done)) is None:
            kept = {_keep(done.folder, address, first)}
            addresses = []
        else:
            kept = set()
        for number, each in enumerate(addresses):
            tell(Progress(f"Fetching {each}", number, len(addresses)))
            kept |= _take(fetcher, each, done)
    done.pages = len(kept)
    for path in done.folder.glob("*.html"):
        if path not in kept:
            path.unlink()
    return done


def _take(fetcher: Fetcher, address: str, done: Mirrored) -> set[Path]:
    """The file of one page: the new one, the one that was there, or none."""
    try:
        page = fetcher.page(address, TEXT_BYTES)
        if page.status in GONE:
            done.skipped.append((address, f"status {page.status}: it is gone"))
            return set()
        return {_keep(done.folder, address, _found(page))}
    except SourceUnreadable as problem:
        done.skipped.append((address, str(problem)))
        there = done.folder / f"{_name(address)}.html"
        return {there} if there.exists() else set()


def _found(page: Page) -> Page:
    if page.status != 200:
        raise SourceUnreadable(f"{page.address}: status {page.status}")
    return page


# --- sitemaps --------------------------------------------------------------------------------------------------------


def _addresses(fetcher: Fetcher, first: Page, done: Mirrored) -> list[str] | None:
    """Those that a sitemap, and the sitemaps that it names, list; None for what is no sitemap."""
    found = _locations(first.body)
    if found is None:
        return None
    kind, locations = found
    if kind == "urlset":
        return _first(locations, done)
    addresses: list[str] = []
    for address in list(dict.fromkeys(locations))[:MAX_SITEMAPS]:
        try:
            inner = _locations(_found(fetcher.page(address, SITEMAP_BYTES)).body)
        except SourceUnreadable as problem:
            raise SourceUnreadable(f"the sitemap {address}: {problem}") from problem
        addresses += inner[1] if inner is not None and inner[0] == "urlset" else []
    return _first(addresses, done)


def _first(addresses: Iterable[str], done: Mirrored) -> list[str]:
    """Raises SourceUnreadable where there are none: what a site doesn't list for once shall not be forgotten."""
    every = list(dict.fromkeys(addresses))
    if not every:
        raise SourceUnreadable("the sitemap lists no page")
    done.skipped += [(address, f"more than {MAX_PAGES:,} pages") for address in every[MAX_PAGES:]]
    return every[:MAX_PAGES]


def _locations(body: bytes) -> tuple[str, list[str]] | None:
    """The kind of sitemap and what it lists; None for what is none. Entities are refused (XML bombs)."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    kind = root.tag.rpartition("}")[2]
    if kind not in ("urlset", "sitemapindex"):
        return None
    texts = (each.findtext("{*}loc", "") for each in root)
    return kind, [text.strip() for text in texts if text.strip()]


# --- files -----------------------------------------------------------------------------------------------------------


def _keep(folder: Path, address: str, page: Page) -> Path:
    """Write a page as UTF-8, with its address before it: that is what citations lead to."""
    kind = page.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in HTML_TYPES:
        raise SourceUnreadable(f"neither a sitemap nor HTML ({kind or 'it does not say what it is'})")
    head = f'<meta charset="utf-8"><link rel="canonical" href="{escape(page.address)}">\n'
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_name(address)}.html"
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(head + _text(page), encoding="utf-8")
    return unfinished.replace(path)


def _text(page: Page) -> str:
    named = re.search(r"charset=[\"']?([\w-]+)", page.headers.get("content-type", ""), re.IGNORECASE)
    encoding = named[1] if named else declared_encoding(page.body) or "utf-8"
    try:
        return page.body.decode(encoding, "replace").replace("\0", "")
    except LookupError as problem:
        raise SourceUnreadable(f"it says that it is {encoding}, which is no encoding") from problem


def _name(address: str) -> str:
    """A file's name that tells what it is, and belongs to that address alone."""
    words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"^\w+://", "", address.lower())).strip("-")[:60].strip("-")
    return f"{words}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"
