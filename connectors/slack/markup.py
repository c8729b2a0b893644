"""Slack's markup in what people wrote. What the bot says is put into it by `rendering.py`."""

import re

_MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


def readable(text: str) -> str:
    """Slack's markup as a person reads it: names instead of ids in brackets, links as text, no escapes."""
    plain = _MARKUP.sub(_spoken, text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def _spoken(markup: re.Match[str]) -> str:
    target, label = markup[1], markup[2] or ""
    kind, rest = target[:1], target[1:]
    if kind in ("@", "#"):
        return kind + (label.removeprefix(kind) or rest)
    if kind == "!":  # <!here>, <!subteam^S1|@agents>, <!date^…|fallback>
        return label or f"@{rest.rpartition('^')[2]}"
    address = target.removeprefix("mailto:").removeprefix("tel:")
    if not label or label in address:
        return label or address
    return f"{label} ({address})"


def mention_of(user: str) -> re.Pattern[str]:
    return re.compile(rf"\s*<@{re.escape(user)}(?:\|[^<>]*)?>[,:]?\s*")


def by_id(text: str) -> str:
    """People by their ids, not their names: a command names them on purpose."""
    return re.sub(r"<@(\w+)(?:\|[^<>]*)?>", r"@\1", text)


def without_mention(text: str, user: str) -> str:
    return mention_of(user).sub(" ", text)
