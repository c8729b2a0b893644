"""What a platform makes of a message that the bot sends: whom it calls, which links it shows, what it fetches or runs.

They act as the platforms do, by their documented grammar, and know nothing of how we escape.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import discord


@dataclass
class Seen:
    """What a person would meet."""

    pings: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    """Where each leads, and what it shows."""
    previews: list[str] = field(default_factory=list)
    """Addresses that the platform fetches by itself."""
    scripts: list[str] = field(default_factory=list)
    words: str = ""

    @property
    def masked(self) -> list[tuple[str, str]]:
        """Links that show something else than where they lead."""
        return [(to, label) for to, label in self.links if label != to]


# --- Slack -----------------------------------------------------------------------------------------------------------

_SLACK_MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_SLACK_AUTO = re.compile(r"(?<![<|])\bhttps?://[^\s<>|]+")


def slack(text: str, blocks: list[dict[str, Any]], **options: Any) -> Seen:
    """mrkdwn in blocks and in the text for notifications. Buttons and headers are plain text, and stay so."""
    seen = Seen()
    for piece, is_verbatim in [(text, options.get("parse", "none") == "none"), *_mrkdwn(blocks)]:
        _read_mrkdwn(piece, seen, is_verbatim=is_verbatim)
    if options.get("unfurl_links", True) or options.get("unfurl_media", True):
        seen.previews += [to for to, _ in seen.links]
    return seen


def _mrkdwn(element: Any) -> list[tuple[str, bool]]:
    if isinstance(element, list):
        return [found for each in element for found in _mrkdwn(each)]
    if not isinstance(element, dict):
        return []
    if element.get("type") == "mrkdwn":
        return [(element["text"], bool(element.get("verbatim")))]
    if element.get("type") == "image":
        return [(f"<{element['image_url']}|image>", True)]
    return [found for value in element.values() for found in _mrkdwn(value)]


def _read_mrkdwn(text: str, seen: Seen, *, is_verbatim: bool) -> None:
    for target, label in _SLACK_MARKUP.findall(text):
        target = _unescaped(target)
        if target.startswith(("@", "!")):
            seen.pings.append(target)
        elif not target.startswith("#"):
            seen.links.append((target, _unescaped(label) or target))
    if not is_verbatim:
        seen.pings += re.findall(r"(?<!\w)@(?:here|channel|everyone)\b", text)
        seen.links += [(address, address) for address in _SLACK_AUTO.findall(text)]
    seen.words += _unescaped(_SLACK_MARKUP.sub(r"\1", text)) + "\n"


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# --- Discord ---------------------------------------------------------------------------------------------------------

_CODE = re.compile(r"\\.|```.+?```|(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_MASKED = re.compile(r"\[((?:\[[^\]]*\]|[^\[\]]|\](?=[^\[]*\]))+)\]\(\s*<?([a-z][a-z0-9+.-]*:[^\s)>]+)>?[^)]*\)", re.I)
_DISCORD_AUTO = re.compile(r"<?(https?://[^\s<>]+[^\s<>.,:;\"')\]])>?")
_MENTION = re.compile(r"@everyone|@here|<@[!&]?\d+>")


def on_discord(content: str, may_call: discord.AllowedMentions, *, suppress_embeds: bool = True) -> Seen:
    """A message of the bot. What the allowed mentions leave out is shown, but calls nobody."""
    seen = Seen(words=content)
    plain = _CODE.sub(lambda found: found[0] if found[0].startswith("\\") else " ", content)
    allowed = may_call.to_dict()
    for mention in _MENTION.findall(plain):
        if _calls(mention, allowed):
            seen.pings.append(mention)
    seen.links += [(to, label) for label, to in _MASKED.findall(plain)]
    seen.links += [(to, to) for to in _DISCORD_AUTO.findall(_MASKED.sub(" ", plain))]
    if not suppress_embeds:
        seen.previews += [to for to, _ in seen.links]
    return seen


def _calls(mention: str, allowed: Any) -> bool:
    kinds = allowed.get("parse", [])
    called = mention.strip("<@!&>")
    if mention in ("@everyone", "@here"):
        return "everyone" in kinds
    if mention.startswith("<@&"):
        return "roles" in kinds or called in map(str, allowed.get("roles", []))
    return "users" in kinds or called in map(str, allowed.get("users", []))


# --- the page --------------------------------------------------------------------------------------------------------

_FETCHES = ("img", "iframe", "object", "embed", "link", "video", "audio", "source", "base", "form", "meta", "style")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen = Seen()
        self._link: list[str] | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "script" or any(name.startswith("on") or name in ("style", "srcdoc") for name in given):
            self.seen.scripts.append(self.get_starttag_text() or tag)
        if tag in _FETCHES:
            self.seen.previews.append(self.get_starttag_text() or tag)
        if tag == "a":
            self._link = [given.get("href") or "", ""]

    def handle_data(self, data: str) -> None:
        self.seen.words += data
        if self._link is not None:
            self._link[1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link is not None:
            self.seen.links.append((self._link[0], self._link[1]))
            self._link = None


def page(fragment: str) -> Seen:
    """What a browser makes of an entry of the page."""
    reader = _Reader()
    reader.feed(fragment)
    reader.close()
    return reader.seen
