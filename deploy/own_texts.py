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

_MENUS = ("offer_button", "right_answer_menu", "why_menu")
_BUTTONS = (
    "none_of_these", "claim_button", "solve_button", "learn_button", "feedback_right", "feedback_wrong",
    "feedback_right_label", "feedback_wrong_label", "reason_wrong", "reason_outdated", "reason_incomplete",
    "reason_tone", "reason_other",
)  # fmt: skip
LIMITS: Mapping[str, int] = {
    **dict.fromkeys(_MENUS, 32),  # names in Discord's message menu
    **dict.fromkeys(_BUTTONS, 75),  # Slack; Discord takes 80
    **dict.fromkeys(("form_title", "form_submit"), 24),  # Slack; Discord takes 45
    **dict.fromkeys(("form_question", "form_answer"), 45),  # Discord
    "form_left_out": 100,  # Discord
    **dict.fromkeys(("home_title", "home_lessons", "home_adapters", "home_settings"), 150),  # Slack's headers
    **{each.name: 100 for each in fields(Texts) if each.name.startswith("describe_")},  # Discord
}
"""Characters that the platforms take, where they refuse or cut what is longer."""
MOST_OF_A_LIST = 10
"""Messages that Slack shows in turn while an answer is looked for."""

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
    """By name, as `Texts` has them: a list in TOML is a tuple there. Raises SettingError."""
    for name, text in texts.items():
        if name not in NAMES:
            close = difflib.get_close_matches(name, NAMES, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise SettingError(f"{setting}: there is no text {name!r}.{hint} bot/texts.py has all of them.")
        if isinstance(getattr(ENGLISH, name), tuple):
            if not _are_phrases(text) or not 0 < len(text) <= MOST_OF_A_LIST:
                raise SettingError(f"{setting}: {name} is {text!r}. It must be a list of 1 to {MOST_OF_A_LIST} texts.")
        else:
            _check_text(setting, name, text)
    checked = {name: tuple(text) if isinstance(text, list) else text for name, text in texts.items()}
    menus = [checked.get(name, getattr(ENGLISH, name)) for name in _MENUS]
    if len(set(menus)) < len(menus):
        raise SettingError(f"{setting}: {', '.join(_MENUS)} stand in one menu: each needs words of its own.")
    return checked


def _check_text(setting: str, name: str, text: object) -> None:
    offered = _placeholders(getattr(ENGLISH, name))
    if not isinstance(text, str) or not _placeholders(text) <= offered:
        listed = ", ".join(f"{{{each}}}" for each in sorted(offered)) or "none"
        raise SettingError(f"{setting}: {name} is {text!r}. It must be a text; its placeholders are: {listed}.")
    limit = LIMITS.get(name)
    if limit is not None and not 0 < len(text.strip()) <= len(text) <= limit:
        raise SettingError(f"{setting}: {name} is {text!r}. It may have 1 to {limit} characters, it has {len(text)}.")


def _placeholders(text: str) -> set[str]:
    """Names in braces; what can't be parsed counts as an unknown one."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return {text}
