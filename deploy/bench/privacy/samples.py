"""Sentences with invented personal data, and which of their characters are personal. Seeded: always the same ones."""

import random
import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from faker import Faker
from stdnum.de import idnr
from stdnum.iso7064 import mod_11_10

from deploy.bench.privacy import templates_dev, templates_test
from deploy.bench.privacy.harmless import harmless_value

LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pt_BR", "pl_PL")
Style = Literal["plain", "lower", "slack", "discord"]
STYLES: tuple[Style, ...] = ("plain", "lower", "slack", "discord")
PEOPLE = 60
"""In each locale. All of them are on the roster."""
SLOT = re.compile(r"\{(\w+)\}|\[(\w+)\]")
STRUCTURED = ("email", "phone", "card", "iban", "ip", "id", "secret", "url", "user")
NAMES = ("name", "first", "last")


@dataclass(frozen=True)
class Piece:
    """What is personal in a sentence."""

    start: int
    end: int
    slot: str


@dataclass(frozen=True)
class Sample:
    text: str
    pieces: tuple[Piece, ...]
    style: Style
    locale: str


class Country:
    """Invents what people of one locale write."""

    def __init__(self, locale: str, seed: int) -> None:
        self._fake = Faker(locale)
        self._fake.seed_instance(seed)
        self._random = random.Random(seed)
        self.locale = locale
        self.people = [(self._fake.first_name(), self._fake.last_name()) for _ in range(PEOPLE)]

    def fill(self, template: str, style: Style) -> Sample:
        """The template with a value in each slot, as it is written in that style."""
        text, pieces, end = "", list[Piece](), 0
        idname, number = self._id()
        for slot in SLOT.finditer(template):
            text += _styled(template[end : slot.start()], style)
            personal, harmless = slot.groups()
            if harmless or personal == "idname":
                value = idname if personal else harmless_value(harmless, self._random, self._fake)
                text += _pasted(value, style)
            else:
                value = number if personal == "id" else self._personal(personal, style)
                written = _written(value, personal, style)
                pieces.append(Piece(len(text), len(text) + len(written), personal))
                text += written
            end = slot.end()
        return Sample(text + _styled(template[end:], style), tuple(pieces), style, self.locale)

    def _personal(self, slot: str, style: Style) -> str:
        fake, (first, last) = self._fake, self._random.choice(self.people)
        make: dict[str, Callable[[], str]] = {
            "email": lambda: self._random.choice((fake.email, fake.free_email, fake.company_email))(),
            "phone": fake.phone_number,
            "card": lambda: _grouped(fake.credit_card_number(), self._random.choice(("", " ", "-"))),
            "iban": lambda: _grouped(fake.iban(), self._random.choice(("", " "))),
            "ip": lambda: self._random.choice((fake.ipv4_public, fake.ipv4_private, fake.ipv6))(),
            "secret": lambda: self._secret(),
            "url": lambda: self._secret_url(),
            "user": lambda: (
                f"<@{self._random.randrange(10**17, 10**18)}>" if style == "discord" else self._slack_user()
            ),
            "name": lambda: f"{first} {last}",
            "first": lambda: first,
            "last": lambda: last,
        }
        return make[slot]()

    def _id(self) -> tuple[str, str]:
        """What a state calls its people by, and its name."""
        fake = self._fake
        match self.locale:
            case "en_US":
                return self._random.choice(("SSN", "social security number")), fake.ssn()
            case "en_GB":
                return "National Insurance number", fake.ssn()
            case "de_DE":
                return self._random.choice(("Steuer-ID", "tax ID")), self._german_id()
            case "fr_FR":
                return "numéro de sécurité sociale", fake.ssn()
            case "es_ES":
                return self._random.choice(("DNI", "NIE")), self._random.choice((fake.nif, fake.nie))()
            case "it_IT":
                return "codice fiscale", fake.ssn()
            case "pt_BR":
                return "CPF", fake.cpf()
            case _:
                return "PESEL", fake.pesel()

    def _german_id(self) -> str:
        while True:
            ten = "".join(self._random.choices(string.digits, k=10))
            number = ten + mod_11_10.calc_check_digit(ten)
            if idnr.is_valid(number):
                return number

    def _secret(self) -> str:
        def some(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
            return "".join(self._random.choices(alphabet, k=length))

        upper = string.ascii_uppercase + string.digits
        kinds = (
            f"AKIA{some(16, upper)}", f"ghp_{some(36)}", f"xoxb-{some(12, string.digits)}-{some(24)}", some(40),
            f"sk_live_{some(24)}", f"AIza{some(35)}", f"eyJ{some(17)}.eyJ{some(30)}.{some(43)}", some(32),
            f"glpat-{some(20)}", f"SG.{some(22)}.{some(43)}", f"hf_{some(34)}", f"sk-proj-{some(48)}",
        )  # fmt: skip
        return self._random.choice(kinds)

    def _secret_url(self) -> str:
        fake, token = self._fake, "".join(self._random.choices(string.ascii_letters + string.digits, k=28))
        return self._random.choice((
            f"https://{fake.domain_name()}/reset?token={token}",
            f"https://{fake.user_name()}:{token[:10]}@{fake.domain_name()}/feed.xml",
            f"https://hooks.slack.com/services/T{token[:8].upper()}/B{token[8:16].upper()}/{token}",
            f"https://{fake.domain_name()}/files/a.pdf?expires=1712345678&signature={token}",
            f"https://{fake.domain_name()}/invite/{token}",
        ))  # fmt: skip

    def _slack_user(self) -> str:
        return f"<@U{''.join(self._random.choices(string.ascii_uppercase + string.digits, k=10))}>"


def personal(split: str, rounds: int, seed: int = 7) -> tuple[list[Sample], list[str]]:
    """Sentences that have something personal, in every locale and style; and the roster."""
    source = templates_test if split == "test" else templates_dev
    countries = [Country(locale, seed + i) for i, locale in enumerate(LOCALES)]
    samples = [
        country.fill(template, style)
        for country in countries
        for template in (*source.EVERYWHERE, *source.NATIVE.get(country.locale, ()))
        for style in STYLES
        for _ in range(rounds)
    ]
    return samples, [f"{first} {last}" for country in countries for first, last in country.people]


def clean(split: str, rounds: int, seed: int = 70) -> list[Sample]:
    """Sentences that have nothing personal."""
    source = templates_test if split == "test" else templates_dev
    countries = [Country(locale, seed + i) for i, locale in enumerate(LOCALES)]
    return [
        country.fill(template, style)
        for country in countries
        for template in source.CLEAN
        for style in STYLES
        for _ in range(rounds)
    ]


def _grouped(number: str, separator: str) -> str:
    return separator.join(number[i : i + 4] for i in range(0, len(number), 4))


def _styled(text: str, style: Style) -> str:
    return text.lower() if style == "lower" else text


def _written(value: str, slot: str, style: Style) -> str:
    """A value as the platform's client writes it. Keys and links are pasted, so they keep their case."""
    if style == "lower" and slot not in ("secret", "url", "user"):
        return value.lower()
    if style == "slack" and slot == "email":
        return f"<mailto:{value}|{value}>"
    if style == "slack" and slot == "phone" and value.startswith("+"):
        return f"<tel:{re.sub(r'[^+0-9]', '', value)}|{value}>"
    if style == "slack" and slot == "url":
        return f"<{value.replace('&', '&amp;')}>"
    if style == "discord" and slot in ("name", "email", "phone"):
        return f"**{value}**"
    return value


def _pasted(value: str, style: Style) -> str:
    if value.startswith("https:"):
        return f"<{value.replace('&', '&amp;')}>" if style == "slack" else value
    return _styled(value, style)
