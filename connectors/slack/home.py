"""The app's home tab: the core's `Home` → a Slack view. Pure."""

from typing import Any

from bot.home import Home
from bot.shortening import cut, shorten
from bot.texts import Texts
from connectors.slack.rendering import Block, sections

MAX_HEADER_CHARS = 150


def home_view(home: Home, texts: Texts) -> dict[str, Any]:
    lessons = "\n".join(
        f"• {shorten(lesson.question)} → {shorten(lesson.answer)} ({lesson.taught_at:%d %b %Y})"
        for lesson in home.lessons
    )
    blocks = [
        _header(texts.home_title), *sections(home.state),
        _header(texts.home_lessons), *sections(lessons or texts.home_no_lessons),
    ]  # fmt: skip
    for title, text in (
        (texts.home_review, home.review), (texts.home_adapters, home.adapters), (texts.home_settings, home.settings),
    ):  # fmt: skip
        if text is not None:
            blocks += [_header(title), *sections(text)]
    return {"type": "home", "blocks": blocks}


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": cut(text, MAX_HEADER_CHARS), "emoji": False}}
