"""Where profiles of askers come from: a table on this machine, or an address that the operator names.

A CSV or JSON-lines file has `person` (as slack:U123, discord:42) and any of `plan`, `product`, `language`; it is read
again when it has changed. An address gets `?person=slack:U123` and answers with a JSON object of the same; nothing else
leaves the machine, and that only because a setting says where to.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from bot.errors import SettingError
from bot.people import Person
from bot.profile import PATIENCE_S, Profile, Profiles

MAX_ANSWER_BYTES = 10_000


def make_profiles(setting: str | None) -> Profiles | None:
    """Raises SettingError for a file that can't be read."""
    if setting is None:
        return None
    if setting.startswith(("http://", "https://")):
        return AddressedProfiles(setting)
    profiles = FiledProfiles(Path(setting).expanduser())
    profiles.read()
    return profiles


class FiledProfiles:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = 0
        self._known: dict[str, Profile] = {}

    async def of(self, person: Person) -> Profile:
        self.read()
        return self._known.get(person.key, Profile())

    def read(self) -> None:
        """Read the file if it has changed. Raises SettingError."""
        try:
            changed_at = self._path.stat().st_mtime_ns
            if changed_at != self._read_at:
                self._known = {row["person"]: _profile(row) for row in _rows(self._path)}
                self._read_at = changed_at
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise SettingError(
                f"MENTEE_PROFILES is {self._path}, which can't be read ({type(problem).__name__}). It is a CSV file "
                "with the columns person, plan, product, language, JSON lines with the same, or an address."
            ) from None


class AddressedProfiles:
    def __init__(self, address: str) -> None:
        self._address = address

    async def of(self, person: Person) -> Profile:
        """Redirections aren't followed: the person's id goes to the address that was named, and nowhere else."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session,
            session.get(self._address, params={"person": person.key}, allow_redirects=False) as answer,
        ):
            if answer.status == 404:  # a stranger
                return Profile()
            answer.raise_for_status()
            found = json.loads(await _whole(answer)) if answer.status == 200 else None
        if not isinstance(found, dict):
            raise ValueError("the answer is no JSON object")
        return _profile(found)


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """However many pieces it comes in. Raises ValueError for more than a profile can be."""
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError("the answer is too long")
    return bytes(body)


def _profile(row: Mapping[str, Any]) -> Profile:
    return Profile(*(str(row.get(name) or "") for name in ("plan", "product", "language")))


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            yield from csv.DictReader(file)
        else:
            yield from (json.loads(line) for line in file if line.strip())
