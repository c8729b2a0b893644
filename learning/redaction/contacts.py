"""E-mail addresses, phone numbers and IP addresses."""

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers

from bot.personal import Kind, Span
from learning.redaction.context import is_other, nearest, words

EMAIL = re.compile(
    r"(?<![\w.%+'-])(?!git@)[\w%+][\w.%+'-]{0,63}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}"
    r"|\b[\w%+][\w.%+-]{0,63} ?(?:\(at\)|\[at\]|\{at\}) ?(?:[\w-]{1,63} ?(?:\.|\(dot\)|\[dot\]) ?){1,8}[^\W\d_]{2,24}"
    r"|\b[\w%+][\w.%+-]{0,63} at (?!the |an? )[\w-]{2,63}(?: dot [\w-]{2,63}){0,3} dot "  # spelt out
    r"(?:com|org|net|edu|gov|info|io|eu|de|at|ch|co|uk|fr|es|it|nl|pl|br|pt|us|ca|au)\b",
    re.IGNORECASE,
)

V4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
V6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
NO_ADDRESS = words("version", "release", "build", "v", "netmask", "subnet mask")

PHONE = re.compile(
    r"(?<![\w.#@/=,-])(?:\+ ?|00)?\(?\d(?:[ \t\u00a0\u202f./-]{0,2}[()]?[ \t\u00a0]?\d){5,17}"
    r"(?: ?(?:x|ext\.?|extension) ?\d{1,6})?(?![\w@%]|[.,:/]\d)",
    re.IGNORECASE,
)
PHONE_WORDS = words(
    "phone", "tel", "tél", "mobile", "mobil", "cell ", "celular", "handy", "whatsapp", "fax", "sms", "my number",
    r"(?:call|ring|text|reach|dial|contact)(?:ing|ed)?(?: (?:me|us|him|her|them|back|on|at)\b)",
    r"(?:call|ring|text|dial)\W*\Z", "kontakt", "numéro", "nummer", "número", "numero", "numer", "ruf", "anruf",
    "meldet? ", "melden", "appel", "rappel", "joindre", "llam", "ligar", "ligue", "ligação", "chiam", "dzwo", "zadzwo",
    "komórk",
)  # fmt: skip
DATE = re.compile(r"(?:19|20)\d\d[-/.]|\d{1,2}([./-])\d{1,2}\1(?:19|20)?\d\d(?!\d)")
SHAPES = re.compile(
    r"(?:1[ .-])?\(?[2-9]\d\d\)?[ .-]{0,2}\d{3}[ .-]\d{4}(?:\D.*)?"  # (206) 269-0743
    r"|\(0\d{2,5}\)[ /-]?\d.*|00[1-9]\d{0,2}[ .-].*"  # (0161) 496 0066, 001-206-…
    r"|\(?\d\d\)? 9?\d{4}-\d{4}"  # 11 91234-5678
)
SUM = re.compile(r".* - .*")
WITH_TRUNK_ZERO = ("GB", "DE", "FR", "NL", "IT", "BE", "AT", "CH", "SE", "AU", "IN")
WITHOUT = ("US", "ES", "PL", "BR", "PT", "IT", "DK", "NO", "CZ")


def emails(text: str) -> Iterator[Span]:
    for found in EMAIL.finditer(text):
        yield Span(found.start(), found.end(), Kind.EMAIL)


def ips(text: str) -> Iterator[Span]:
    for pattern in (V4, V6):
        for found in pattern.finditer(text):
            told_otherwise = NO_ADDRESS.search(text[max(0, found.start() - 12) : found.start()])
            if not told_otherwise and _is_somebodys(found[0]):
                yield Span(found.start(), found.end(), Kind.IP)


def _is_somebodys(address: str) -> bool:
    """True for an address that a machine has; not for loopback, "any" and masks, which every manual names."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (parsed.is_loopback or parsed.is_unspecified or address.startswith("255."))


def phones(text: str) -> Iterator[Span]:
    for found in PHONE.finditer(text):
        half_open = found[0].startswith("(") and ")" not in found[0]
        if _is_phone(text, found.start(), found.end(), found[0].lstrip("(") if half_open else found[0]):
            yield Span(found.start() + half_open, found.end(), Kind.PHONE)


def _is_phone(text: str, start: int, end: int, written: str) -> bool:
    number: str = re.split("[xe]", written, maxsplit=1, flags=re.IGNORECASE)[0].strip()
    digits = sum(char.isdigit() for char in number)
    if not 7 <= digits <= 15:
        return False
    if number.startswith("+"):
        return digits >= 8
    if nearest(text, start, end, PHONE_WORDS):
        return not DATE.match(number)
    if DATE.match(number) or SUM.match(number) or V4.fullmatch(number) or is_other(text, start):
        return False
    return bool(SHAPES.fullmatch(written)) or _is_valid_somewhere(number)


@lru_cache(4_096)
def _is_valid_somewhere(number: str) -> bool:
    """True for what is a phone number somewhere, written as people write it there: with its zero, or in groups."""
    if number.lstrip("(").startswith("0"):
        return 9 <= sum(char.isdigit() for char in number) <= 11 and any(_is_valid(number, r) for r in WITH_TRUNK_ZERO)
    in_groups = re.search(r"\d[ .()-]+\d", number)
    return in_groups is not None and any(_is_valid(number, region) for region in WITHOUT)


def _is_valid(number: str, region: str) -> bool:
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(number, region)))
    except phonenumbers.NumberParseException:
        return False
