"""The app's home tab: the core's `Home` → a Slack view. Pure."""

from collections.abc import Sequence
from typing import Any

from bot.feedback import Lesson
from bot.home import Home
from bot.shortening import cut, shorten
from bot.texts import Texts
from connectors.slack.rendering import Block, sections

MAX_HEADER_CHARS = 150


def home_view(home: Home, texts: Texts) -> dict[str, Any]:
    blocks = [_header(texts.home_title), *sections(home.state)]
    for title, text in (
        (texts.home_lessons, _lessons(home.lessons, texts)),
        (texts.home_review, home.review), (texts.home_adapters, home.adapters), (texts.home_settings, home.settings),
    ):  # fmt: skip
        if text is not None:
            blocks += [_header(title), *sections(text)]
    return {"type": "home", "blocks": blocks}


def _lessons(lessons: Sequence[Lesson] | None, texts: Texts) -> str | None:
    if lessons is None:
        return None
    lines = [f"• {shorten(each.question)} → {shorten(each.answer)} ({each.taught_at:%d %b %Y})" for each in lessons]
    return "\n".join(lines) or texts.home_no_lessons


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": cut(text, MAX_HEADER_CHARS), "emoji": False}}
