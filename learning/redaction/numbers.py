"""Numbers with check digits: bank accounts, payment cards, and what states call their people by."""

import re
from collections.abc import Callable, Iterator

from stdnum import iban, luhn
from stdnum.br import cpf
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.mx import curp
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.us import ssn

from bot.personal import Kind, Span
from learning.redaction.contacts import PHONE_WORDS
from learning.redaction.context import OTHER_NUMBERS, is_other, nearest, words

Check = Callable[[str], bool]

IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}(?![^\W_])?", re.IGNORECASE)
CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){11,18}(?![\w-])")
ISSUERS = re.compile(r"4|5[0-8]|2[2-7]|3[0-9]|6|1800|2131")
USUAL = re.compile(r"\d{14,16}|\d{19}|(?:50[123]|5[678]|6304|639|67)\d{9,10}")
FOURS = re.compile(r"\d{4}([ -])(?:\d{4}\1){1,3}\d{1,4}")
CARD_WORDS = words(
    "card", "visa", "master", "maestro", "amex", "american express", "diners", "discover", "jcb", "karte",
    "kreditkarte", "carte", "tarjeta", "carta", "cartão", "kart", "kaart", "credit", "debit", "exp", "pay",
    "paid", "charge", "bezahl", "zahl", "abbuch", "paiement", "payé", "prélev", "pago", "pagar", "cobr", "pagamento",
    "addebit", "płat", "zapła", "cvv", "cvc",
)  # fmt: skip

ID_WORDS = words(
    r"ssn\b", "social security", "national insurance", "nino", r"n\.?i\.? number", "nhs number", "tax id", "tax number",
    "tax form", r"tin\b", "id number", "id card", "identity card", "passport", "driver'?s? licen", "steuer", "idnr",
    "personalausweis", "ausweis", "reisepass", "sozialversicherung", "sécurité sociale", "sécu", r"nir\b", r"dni\b",
    r"nie\b", r"nif\b", "pasaporte", "codice fiscale", r"cpf\b", r"cnh\b", r"rg\b", "pesel", "dowód", r"bsn\b",
    "burgerservice", "personnummer", "aadhaar", r"curp\b", r"sin\b", "medicare", "passaport",
)  # fmt: skip
ID = re.compile(r"(?<![\w.+-])(?:[A-Z]{1,2} ?)?\d[A-Z0-9]*(?:[ ./-](?:\d[A-Z0-9]*|[A-Z](?!\w)))*(?!\w)", re.IGNORECASE)
OTHERS = re.compile(f"{OTHER_NUMBERS.pattern}|{PHONE_WORDS.pattern}", re.IGNORECASE)
CODED = re.compile(r"(?<![\w-])[A-Z][A-Z0-9]{9,17}(?![\w-])", re.IGNORECASE)
NINO = re.compile(
    r"(?<![\w-])(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D](?![\w-])", re.I
)
SHAPES: tuple[tuple[re.Pattern[str], Check], ...] = (
    (re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), ssn.is_valid),
    (re.compile(r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])"), cpf.is_valid),
    (re.compile(r"(?<![\w.+-])\d{11}(?![\w-])"), lambda number: cpf.is_valid(number) or pesel.is_valid(number)),
    (re.compile(r"(?<![\w.+-])[12](?: ?\d){12}(?: ?\d){2}(?![\w-])"), nir.is_valid),
    (re.compile(r"(?<![\w.-])\d{1,2}\.?\d{3}\.?\d{3}[ -]?[A-Z](?![\w-])", re.IGNORECASE), dni.is_valid),
    (re.compile(r"(?<![\w.-])[XYZ][ -]?\d{7}[ -]?[A-Z](?![\w-])", re.IGNORECASE), nie.is_valid),
    (re.compile(r"(?<![\w.-])[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z](?![\w-])", re.IGNORECASE), codicefiscale.is_valid),
    (re.compile(r"(?<![\w.-])[A-Z]{4}\d{6}[A-Z]{6}[A-Z0-9]\d(?![\w-])", re.IGNORECASE), curp.is_valid),
    (re.compile(r"(?<![\w.-])\d{6}[-+]\d{4}(?![\w-])"), personnummer.is_valid),
)


def ibans(text: str) -> Iterator[Span]:
    """The longest beginning of each candidate whose check digits are right: the next word may follow it closely."""
    place = 0
    while found := IBAN.search(text, place):
        length = _length_of_iban(found[0])
        if length:
            yield Span(found.start(), found.start() + length, Kind.IBAN)
        place = found.start() + (length or 4)


def _length_of_iban(candidate: str) -> int:
    ends = [i + 1 for i, char in enumerate(candidate) if char.isalnum()]
    return next((end for end in reversed(ends[14:]) if iban.is_valid(candidate[:end], check_country=False)), 0)


def cards(text: str) -> Iterator[Span]:
    for found in CARD.finditer(text):
        number = re.sub(r"\D", "", found[0])
        if ISSUERS.match(number) and luhn.is_valid(number) and _is_long_enough(number, found, text):
            yield Span(found.start(), found.end(), Kind.CARD)


def _is_long_enough(number: str, found: re.Match[str], text: str) -> bool:
    """The usual lengths, or groups of four. The rare ones, which bar codes have too, only beside a word for it."""
    if USUAL.fullmatch(number) or FOURS.fullmatch(found[0]):
        return not is_other(text, found.start())
    return nearest(text, found.start(), found.end(), CARD_WORDS)


def ids(text: str) -> Iterator[Span]:
    for pattern, is_right in SHAPES:
        for found in pattern.finditer(text):
            if is_right(found[0]) and not is_other(text, found.start()):
                yield Span(found.start(), found.end(), Kind.ID)
    for found in NINO.finditer(text):
        yield Span(found.start(), found.end(), Kind.ID)
    if ID_WORDS.search(text):
        yield from _named_ids(text)


def _named_ids(text: str) -> Iterator[Span]:
    """Whatever looks like a number beside a word for it, its check digits right or not."""
    for pattern in (ID, CODED):
        for found in pattern.finditer(text):
            letters, digits = (sum(map(test, found[0])) for test in (str.isalpha, str.isdigit))
            fits = digits >= 5 and 7 <= letters + digits <= 18
            if fits and nearest(text, found.start(), found.end(), ID_WORDS, OTHERS):
                yield Span(found.start(), found.end(), Kind.ID)
