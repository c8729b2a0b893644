"""Pages fetched from a site: which are, which never, and what becomes of the folder that they lie in."""

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.errors import SourceUnreadable
from learning.sources import fetching, site
from learning.sources.addresses import Hosts, is_public
from learning.sources.fetching import Fetcher
from learning.sources.ingest import ingest
from learning.sources.site import mirror
from storage.database import SqlStore
from tests.learning.sources.website import Website, open_website

PUBLIC = "93.184.215.14"


@pytest.fixture
def website() -> Iterator[Website]:
    with open_website() as opened:
        yield opened


# --- what may be fetched ---------------------------------------------------------------------------------------------

NOT_NAMED = """
    http://example.com/ https://example.com:8443/ http://other.example/ http://help.example.evil.example/
    http://help.example./ http://xn--hlp-example-ppb/ http://help%2eexample.evil/ http://HELP.EXAMPLE.COM/
    ftp://help.example/ file:///etc/passwd gopher://help.example/ data:text/html,hi javascript:alert(1)
    http://user@help.example/ http://user:pw@help.example/ http://help.example@127.0.0.1/ http://127.0.0.1#@help.example/
    http://127.0.0.1?.help.example/ http://help.example:22/ //help.example/ help.example http:///x http://
    http://evil.example/?u=http://help.example/ unix:///var/run/docker.sock http://0177.0.0.1/
""".split()
NOT_PUBLIC = """
    http://127.0.0.1/ http://127.1/ http://2130706433/ http://0x7f000001/ http://0/
    http://0.0.0.0/ http://127.255.255.254/ http://localhost/ http://10.0.0.1/ http://172.16.0.1/ http://192.168.1.1/
    http://169.254.169.254/ http://169.254.170.2/ http://100.100.100.200/ http://192.0.0.192/ http://168.63.129.16/
    http://100.64.0.1/ http://198.18.0.1/ http://203.0.113.1/ http://192.88.99.1/ http://224.0.0.1/ http://240.0.0.1/
    http://255.255.255.255/ http://[::1]/ http://[::]/ http://[::ffff:127.0.0.1]/ http://[::ffff:169.254.169.254]/
    http://[::127.0.0.1]/ http://[64:ff9b::7f00:1]/ http://[2002:7f00:1::]/ http://[2001:0:7f00:1::]/
    http://[fe80::1]/ http://[fc00::1]/ http://[fd00:ec2::254]/ http://[fec0::1]/ http://[ff02::1]/
    http://[2001:db8::1]/ http://[3fff::1]/
""".split()


@pytest.mark.parametrize("address", NOT_NAMED)
def test_what_is_not_named_is_not_fetched(website: Website, address: str) -> None:
    with Fetcher(website.strict("help.example")) as fetcher, pytest.raises(SourceUnreadable):
        fetcher.page(address, 1_000)
    assert website.looked_up == []


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_named_and_not_public_is_not_fetched(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the system's own reading of the host, whichever way it is written."""

    def refuse(*_: object) -> None:
        raise AssertionError("something was connected to")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    host = httpx.URL(address).raw_host.decode()
    with (
        Fetcher(Hosts(frozenset({host}))) as fetcher,
        pytest.raises(SourceUnreadable, match=r"not on the public|resolved"),
    ):
        fetcher.page(address, 1_000)


def test_sixty_forms_and_more_are_refused() -> None:
    assert len({*NOT_NAMED, *NOT_PUBLIC}) >= 60


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_one_private_address_among_public_ones_is_enough_to_refuse(website: Website) -> None:
    website.names["help.example"] = [PUBLIC, "10.0.0.1"]
    with Fetcher(website.strict()) as fetcher, pytest.raises(SourceUnreadable, match="not on the public internet"):
        fetcher.page(website.at("/"), 1_000)


def test_a_name_that_changes_its_mind_changes_nothing(website: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the first look-up is public and checked, each later one is this machine."""
    sent: list[httpx.Request] = []

    def rebind(host: str, port: int) -> list[str]:
        website.looked_up.append(host)
        return [PUBLIC] if len(website.looked_up) == 1 else ["127.0.0.1"]

    def note(_: object, request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(404, request=request, stream=httpx.ByteStream(b""))

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", note)
    hosts = Hosts(frozenset({"help.example"}), rebind)
    with Fetcher(hosts) as fetcher, pytest.raises(SourceUnreadable, match="not on the public internet"):
        fetcher.page("https://help.example/a", 1_000)
    (robots,) = sent
    assert (robots.url.host, robots.headers["host"]) == (PUBLIC, "help.example")
    assert robots.extensions["sni_hostname"] == "help.example"
    assert website.asked == []


@pytest.mark.parametrize(
    ("leads_to", "said"),
    [
        ("http://127.0.0.1:1/", "not named"),
        ("http://169.254.169.254/latest/meta-data/", "not named"),
        ("http://inner.example/", "not on the public"),
        ("file:///etc/passwd", "only http"),
        ("//evil.example/", "not named"),
        ("/again", "redirects"),
    ],
)
def test_redirects_lead_nowhere_else(website: Website, leads_to: str, said: str) -> None:
    website.put("/again", "", 302, Location=leads_to)
    website.names["inner.example"] = ["10.0.0.1"]
    with Fetcher(website.hosts("inner.example")) as fetcher, pytest.raises(SourceUnreadable, match=said):
        fetcher.page(website.at("/again"), 1_000)
    assert {host for host, _ in website.asked} == {f"help.example:{website.port}"}


def test_a_proxy_of_the_environment_is_not_used(website: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    website.put("/", "<p>Hi")
    with Fetcher(website.hosts()) as fetcher:
        assert fetcher.page(website.at("/"), 1_000).body == b"<p>Hi"


# --- within limits ---------------------------------------------------------------------------------------------------


def test_what_is_too_large_packed_or_slow_is_given_up(website: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    website.put("/large", "x" * 2_000)
    website.put("/packed", "x", Content_Encoding="gzip")
    with Fetcher(website.hosts()) as fetcher:
        with pytest.raises(SourceUnreadable, match="larger than"):
            fetcher.page(website.at("/large"), 1_000)
        with pytest.raises(SourceUnreadable, match="packed"):
            fetcher.page(website.at("/packed"), 1_000)
        monkeypatch.setattr(fetching, "SECONDS", -1.0)
        with pytest.raises(SourceUnreadable, match="takes longer"):
            fetcher.page(website.at("/large"), 10_000)


def test_robots_are_asked_once_and_obeyed(website: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("learning.sources.fetching.time.sleep", slept.append)
    website.put("/robots.txt", "User-agent: mentee\nDisallow: /private*\nCrawl-delay: 3")
    website.put("/open", "<p>Hi")
    website.put("/moved", "", 302, Location="/private/a")
    with Fetcher(website.hosts()) as fetcher:
        assert fetcher.page(website.at("/open"), 1_000).status == 200
        for path in ("/private/a", "/moved"):
            with pytest.raises(SourceUnreadable, match=r"robots\.txt forbids"):
                fetcher.page(website.at(path), 1_000)
    assert website.asked.count((f"help.example:{website.port}", "/robots.txt")) == 1
    assert website.paths() == ["/open", "/moved"]
    assert [round(seconds) for seconds in slept] == [3]


def test_while_robots_cannot_be_read_nothing_is_fetched(website: Website) -> None:
    website.put("/robots.txt", "", 503)
    with Fetcher(website.hosts()) as fetcher, pytest.raises(SourceUnreadable, match="503"):
        fetcher.page(website.at("/"), 1_000)
    assert website.paths() == []


# --- a site's folder -------------------------------------------------------------------------------------------------


async def test_a_sitemaps_pages_are_loaded_and_cited_by_their_address(
    website: Website, store: SqlStore, tmp_path: Path
) -> None:
    website.put_sitemap("/plans", "/moved", "/gone", "http://other.example/", "/plans")
    website.put("/plans", "<title>Plans</title><h1>Plans</h1><h2 id='pause'>Pause</h2><p>Up to 90 days: é.")
    website.put("/moved", "", 301, Location="/here")
    website.put("/here", "<h1>Here</h1><p>Moved.")
    fetched = mirror(website.at("/sitemap.xml"), tmp_path / "sites", website.hosts())
    assert fetched.pages == 2
    assert [reason for _, reason in fetched.skipped] == [
        "status 404: it is gone",
        "the host 'other.example' is not named (--host, or MENTEE_INGEST_HOSTS), so nothing is fetched from there",
    ]
    await ingest([fetched.folder], store)
    sections = store.run_sync(lambda unit: unit.documents.sections())
    assert {(section.heading, section.text, section.link) for section in sections} == {
        ("Pause", "Up to 90 days: é.", website.at("/plans#pause")), ("Here", "Moved.", website.at("/here")),
    }  # fmt: skip
    website.put_sitemap("/plans")
    await ingest([mirror(website.at("/sitemap.xml"), tmp_path / "sites", website.hosts()).folder], store)
    assert {section.heading for section in store.run_sync(lambda unit: unit.documents.sections())} == {"Pause"}
    store.close()


def test_a_page_that_fails_for_once_stays_as_it_was(website: Website, tmp_path: Path) -> None:
    website.put_sitemap("/a")
    website.put("/a", "<p>Before")
    address = website.at("/sitemap.xml")
    (path,) = mirror(address, tmp_path, website.hosts()).folder.glob("*.html")
    website.put("/a", "", 500)
    assert "status 500" in mirror(address, tmp_path, website.hosts()).skipped[0][1]
    assert "Before" in path.read_text()
    website.put_sitemap()
    with pytest.raises(SourceUnreadable, match="lists no page"):
        mirror(address, tmp_path, website.hosts())
    assert path.exists()
    website.put_sitemap("/a")
    website.put("/a", "", 410)
    mirror(address, tmp_path, website.hosts())
    assert not path.exists()


def test_an_index_of_sitemaps_and_a_single_page(website: Website, tmp_path: Path) -> None:
    inner = "".join(f"<sitemap><loc>{website.at(path)}</loc></sitemap>" for path in ("/one.xml", "/two.xml"))
    website.put("/index.xml", f"<sitemapindex>{inner}</sitemapindex>")
    website.put_sitemap("/a", path="/one.xml")
    website.put_sitemap("/b", path="/two.xml")
    website.put("/a", "<p>A")
    website.put("/b", "<p>B")
    assert mirror(website.at("/index.xml"), tmp_path, website.hosts()).pages == 2
    assert mirror(website.at("/a"), tmp_path, website.hosts()).pages == 1
    website.put("/c.pdf", "%PDF", Content_Type="application/pdf")
    with pytest.raises(SourceUnreadable, match="application/pdf"):
        mirror(website.at("/c.pdf"), tmp_path, website.hosts())


def test_a_hostile_sitemap_is_none(website: Website, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entity = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    website.put("/sitemap.xml", f"{entity}<urlset><url><loc>&b;</loc></url></urlset>", Content_Type="text/xml")
    with pytest.raises(SourceUnreadable, match="neither a sitemap nor HTML"):
        mirror(website.at("/sitemap.xml"), tmp_path, website.hosts())
    monkeypatch.setattr(site, "MAX_PAGES", 2)
    website.put_sitemap("/a", "/b", "/c")
    fetched = mirror(website.at("/sitemap.xml"), tmp_path, website.hosts())
    assert (website.at("/c"), "more than 2 pages") in fetched.skipped
    assert "/c" not in website.paths()
