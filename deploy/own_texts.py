"""The operator's own words: the texts that the bot says, in other words or languages, and its style guide. TOML files.

A text's placeholders are checked, so that a mistake is told at the start and not in a customer's thread.
"""

import difflib
import string
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from bot.errors import SettingError
from bot.style import Style
from bot.texts import ENGLISH, Texts

NAMES = frozenset(field.name for field in fields(Texts) if field.name != "translations")


def read_texts(path: Path | None) -> Texts:
    """Texts stand at the top, those of another language in a table named by its code. Raises SettingError."""
    if path is None:
        return ENGLISH
    setting, content = "MENTEE_TEXTS_FILE", _read("MENTEE_TEXTS_FILE", path)
    here = {name: text for name, text in content.items() if not isinstance(text, dict)}
    tables = {name: texts for name, texts in content.items() if isinstance(texts, dict)}
    own = replace(ENGLISH, **_checked(setting, here))
    languages = {code.lower(): replace(own, **_checked(setting, texts)) for code, texts in tables.items()}
    return replace(own, translations=languages)


def read_style(path: Path | None) -> Style:
    """Raises SettingError."""
    if path is None:
        return Style()
    setting, content = "MENTEE_STYLE_FILE", _read("MENTEE_STYLE_FILE", path)
    if unknown := content.keys() - {"tone", "banned", "preferred"}:
        raise SettingError(f"{setting}: there is no {min(unknown)!r}. It takes tone, banned and [preferred].")
    tone, banned, preferred = content.get("tone", ""), content.get("banned", []), content.get("preferred", {})
    if not isinstance(tone, str) or not _are_phrases(banned) or not isinstance(preferred, dict):
        raise SettingError(f'{setting}: tone is a text, banned a list of phrases, [preferred] a table of "term" = […].')
    for term, avoided in preferred.items():
        if not _are_phrases(avoided):
            raise SettingError(f"{setting}: [preferred] {term!r} takes a list of what is said instead of it.")
    return Style(tone, tuple(banned), {term: tuple(avoided) for term, avoided in preferred.items()})


def _are_phrases(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each.strip() for each in value)


def _read(setting: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise SettingError(f"{setting} is {path}, which can't be read: {problem.strerror}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingError(f"{setting} is {path}, which is no TOML: {problem}.") from None


def _checked(setting: str, texts: Mapping[str, Any]) -> dict[str, Any]:
    for name, text in texts.items():
        if name not in NAMES:
            close = difflib.get_close_matches(name, NAMES, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise SettingError(f"{setting}: there is no text {name!r}.{hint} bot/texts.py has all of them.")
        if not isinstance(text, str) or not _placeholders(text) <= _placeholders(getattr(ENGLISH, name)):
            offered = ", ".join(f"{{{each}}}" for each in sorted(_placeholders(getattr(ENGLISH, name)))) or "none"
            raise SettingError(f"{setting}: {name} is {text!r}. It must be a text; its placeholders are: {offered}.")
    return dict(texts)


def _placeholders(text: str) -> set[str]:
    """Names in braces; what can't be parsed counts as an unknown one."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return {text}
