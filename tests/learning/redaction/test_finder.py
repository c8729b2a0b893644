"""What is personal in a text, and what only looks so."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.personal import Kind, Labels
from learning.redaction.finder import Finder

TOKEN = "ghp_Zx81kLmN02pQrStUvWxYz3456789AbCdEfGh"
IBAN = "DE89 3704 0044 0532 0130 00"


@pytest.fixture
def finder() -> Finder:
    made = Finder()
    for name in ("Cara Smith", "Mark Lange", "José Łukasz-Peña", "Anna-Lena O'Neill", "X", ""):
        made.meet(name)
    return made


def found(finder: Finder, text: str) -> list[tuple[str, Kind]]:
    return [(text[span.start : span.end], span.kind) for span in finder.find(text)]


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("write to a.b+c@mail.example.co.uk.", "a.b+c@mail.example.co.uk", Kind.EMAIL),
        ("jürgen@büro.example", "jürgen@büro.example", Kind.EMAIL),
        ("cara (at) example (dot) com", "cara (at) example (dot) com", Kind.EMAIL),
        ("<mailto:a@b.example|a@b.example> is mine", "<mailto:a@b.example|a@b.example>", Kind.EMAIL),
        ("call <tel:+4930123456|+49 30 123456>", "<tel:+4930123456|+49 30 123456>", Kind.PHONE),
        ("(030) 1234567 is mine", "(030) 1234567", Kind.PHONE),
        ("001-206-269-0743x91 is mine", "001-206-269-0743x91", Kind.PHONE),
        ("my number is 3510500083", "3510500083", Kind.PHONE),
        ("4242 4242 4242 4242 was refused", "4242 4242 4242 4242", Kind.CARD),
        (f"{IBAN} and more", IBAN, Kind.IBAN),
        (f"iban {IBAN.lower()}", IBAN.lower(), Kind.IBAN),
        ("SSN 078-05-1121", "078-05-1121", Kind.ID),
        ("my passport is C01X00T478", "C01X00T478", Kind.ID),
        ("from 203.0.113.7", "203.0.113.7", Kind.IP),
        ("from 2001:db8::8a2e:370:7334", "2001:db8::8a2e:370:7334", Kind.IP),
        (f"key {TOKEN}!", TOKEN, Kind.SECRET),
        ("cara at mail dot example dot org", "cara at mail dot example dot org", Kind.EMAIL),
        ("my password is hunter2, help", "hunter2", Kind.SECRET),
        ("user cara, pw: S3cret!x", "S3cret!x", Kind.SECRET),
        ("pass=S3cretx", "S3cretx", Kind.SECRET),
        ("my PIN is 4821.", "4821", Kind.SECRET),
        ("exp 12/27 cvv 123", "123", Kind.SECRET),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", Kind.SECRET),
        ("https://u:pw1@x.example/feed", "https://u:pw1@x.example/feed", Kind.URL),
        ("open https://x.example/reset?token=abc123def.", "https://x.example/reset?token=abc123def", Kind.URL),
        ("ask <@U123ABC45> first", "<@U123ABC45>", Kind.USER),
        ("ask <@!123456789012345678>", "<@!123456789012345678>", Kind.USER),
        ("CARA SMITH's plan", "CARA SMITH", Kind.NAME),
        ("smith cara wrote", "smith cara", Kind.NAME),
        ("jose lukasz-pena wrote", "jose lukasz-pena", Kind.NAME),
        ("is o'neill in?", "o'neill", Kind.NAME),
        ("thanks mark", "mark", Kind.NAME),
        ("it was Mark who wrote", "Mark", Kind.NAME),
        ("Hello, my name is Zoë van Dyke and", "Zoë van Dyke", Kind.NAME),
    ],
)
def test_what_is_personal_is_found(finder: Finder, text: str, value: str, kind: Kind) -> None:
    assert found(finder, text) == [(value, kind)]


@pytest.mark.parametrize(
    "text",
    [
        "order 4242424242424242, invoice 2026-000123",
        "GB82 WEST 1234 5698 7654 33 has a wrong check digit",
        "version 1.2.3.4 on 127.0.0.1, mask 255.255.255.0",
        "at 08:30:15, 2026-11-01 12:00, build 20261101",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "id 0190b5c1-7c3e-7b7a-9d5e-0a1b2c3d4e5f",
        "mark it as done, and bear the mark",
        "the linden lane is long; will may come?",
        "my password is wrong, my name is misspelled",
        "the pin is 4 digits long, pin 1.5 mm, pass: 12 of 13, the boarding pass = a QR code, spin 4000",
        "meet me at the dot com office, look at a dot",
        "https://cara.example/help/12345?page=2&id=77",
        "<#C0123456789> <!here> <@&123> :tada: <:smile:123456789012345678>",
        "git@github.com:org/repo.git",
        "<EMAIL_1> wrote to <NAME_12>, see <SECRET_3>",
        "",
    ],
)
def test_what_only_looks_personal_is_left(finder: Finder, text: str) -> None:
    assert found(finder, text) == []


TEXTS = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(
            ("a@b.example", "+49 30 1234567", IBAN, TOKEN, "Cara Smith", "<mailto:", "<@U123ABC45>", "|", ">")
        ),
    ),
    max_size=8,
).map(" ".join)


@given(TEXTS)
def test_spans_are_in_order_and_redacting_again_changes_nothing(text: str) -> None:
    finder = Finder()
    finder.meet("Cara Smith")
    spans = finder.find(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    once = Labels().replace(text, spans)
    assert Labels().replace(once, finder.find(once)) == once


@given(st.text(max_size=60), st.text(max_size=60))
def test_an_address_is_found_between_any_words(before: str, after: str) -> None:
    text = f"{before} cara.smith@example.org {after}"
    assert "cara.smith@example.org" not in Labels().replace(text, Finder().find(text))
