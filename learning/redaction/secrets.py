"""Keys, tokens and passwords, by the prefixes that their makers gave them, by what is said of them, and by their look;
and links that carry one."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import parse_qsl, unquote, urlsplit

from bot.personal import Kind, Span

PREFIXED = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{22,255}|glpat-[\w-]{20,}"  # GitHub, GitLab
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}"  # Slack
    r"|[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}"  # Discord
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}"  # Stripe
    r"|sk-(?:ant-|proj-)?[\w-]{16,}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|hf_[A-Za-z0-9]{20,}"
    r"|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|dop_v1_[0-9a-f]{40,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|(?:AC|SK)[0-9a-f]{32}|\d{8,10}:AA[\w-]{30,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|key-[0-9a-f]{32}"
    r"|eyJ[\w-]{8,4096}\.eyJ[\w-]{8,4096}(?:\.[\w-]*)?"  # JSON web tokens
    r")(?![A-Za-z0-9])"
)
PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
NAMED = re.compile(
    r"(?:pass(?:word|wd|phrase|code)|passwort|kennwort|contraseña|mot de passe|senha|hasło|pwd|secret|token|pin"
    r"|(?<![^\W_])(?:pw|pass)(?=\s?[:=])"  # which mean much else without the sign
    r"|bearer|basic|(?:api|access|private|secret|auth|licen[cs]e)?[ _-]?key)"
    r"(?:\s?(?:is|was|ist|war|est|es|=|:|:=|=>)\s?|\s)[\"'`]?(?P<value>[^\s\"'`<>]{4,200})",
    re.IGNORECASE,
)
CODE = re.compile(
    r"(?<![^\W_])(?:pin(?:[ -]?(?:code|number))?|cvv2?|cvc2?|security code|one[ -]time (?:code|password)|otp)"
    r"(?:\s?(?:is|was|ist|=|:)\s?|\s)(?P<value>\d{3,8})(?![\w%]|[.,:-]\w)",
    re.IGNORECASE,
)
BASIC = re.compile(r"authorization:? basic (?P<value>[A-Za-z0-9+/]{8,512}={0,2})", re.IGNORECASE)
TOKEN = re.compile(r"(?<![\w./@:+-])[A-Za-z0-9_+=/-]{20,512}(?![\w@])")
HEX = re.compile(r"[0-9a-f]{32,128}", re.IGNORECASE)
MIN_BITS = 3.4
"""Of Shannon entropy per character: words and paths have less, random base64 of 20 characters has more."""

LINK = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s<>|\"']{4,2048}", re.IGNORECASE)
TELLING = re.compile(
    r"(?:^|[_.-])(?:token|key|apikey|auth|sig|signature|secret|pass|password|pwd|session|sid|jwt|otp|code|ticket|hash)$",
    re.IGNORECASE,
)
HOOK = re.compile(r"hooks\.slack\.com/services/|discord(?:app)?\.com/api/webhooks/\d+/", re.IGNORECASE)


def secrets(text: str) -> Iterator[Span]:
    for pattern in (PEM, PREFIXED):
        for found in pattern.finditer(text):
            yield Span(found.start(), found.end(), Kind.SECRET)
    for found in NAMED.finditer(text):
        start = found.start("value")
        value = found["value"].rstrip(".,;:!?)")
        if _looks_secret(value) or HEX.fullmatch(value):
            yield Span(start, start + len(value), Kind.SECRET)
    for pattern in (CODE, BASIC):
        for found in pattern.finditer(text):
            yield Span(*found.span("value"), Kind.SECRET)
    for found in TOKEN.finditer(text):
        if is_random(found[0]):
            yield Span(found.start(), found.end(), Kind.SECRET)


def _looks_secret(value: str) -> bool:
    """True for what is no word: a password has a digit or a sign in it. A version or a number alone is none."""
    has_letters = any(char.isalpha() for char in value)
    has_others = any(not char.isalpha() and char not in "-'’./()[]" for char in value)
    return has_letters and has_others and not re.fullmatch(r"v?\d+(?:\.\d+)*\w?|[\w-]+\(.*|\w+[=:].*", value)


def is_random(token: str) -> bool:
    """True for letters of both cases and digits, mixed as no word, path or identifier mixes them."""
    kinds = (any(c.islower() for c in token), any(c.isupper() for c in token), any(c.isdigit() for c in token))
    changes = sum(_class(a) != _class(b) for a, b in pairwise(token))
    return all(kinds) and changes >= len(token) / 4 and _bits(token) >= MIN_BITS


def links(text: str) -> Iterator[Span]:
    for found in LINK.finditer(text):
        link = found[0].rstrip(".,;:!?)")
        if _opens_something(link):
            yield Span(found.start(), found.start() + len(link), Kind.URL)


def _opens_something(link: str) -> bool:
    try:
        parts = urlsplit(link)
        if parts.password or HOOK.search(link):
            return True
        asked = [*parse_qsl(parts.query.replace("&amp;", "&")), *parse_qsl(parts.fragment)]
    except ValueError:
        return False
    if any(TELLING.search(name) and len(value) >= 6 for name, value in asked):
        return True
    pieces = [*parts.path.split("/"), *(value for _, value in asked)]
    return any(PREFIXED.fullmatch(piece) or (len(piece) >= 20 and is_random(unquote(piece))) for piece in pieces)


def _class(char: str) -> str:
    return "a" if char.islower() else "A" if char.isupper() else "0" if char.isdigit() else "-"


def _bits(token: str) -> float:
    counts = Counter(token).values()
    return -sum(n / len(token) * math.log2(n / len(token)) for n in counts)
