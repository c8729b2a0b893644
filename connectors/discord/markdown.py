"""Text as Discord takes it: in pieces of two thousand characters, and without markup that could mislead.

People's and the model's markdown is kept, as code blocks and lists are worth having, but for two things: nobody is
pinged, and no link hides its target behind other words.
"""

import re

from connectors.discord.surface import MAX_MESSAGE

FENCE = "```"
_ROOM_FOR_FENCES = 40

# Discord's own grammar, as far as it matters here. Code comes before the rest, since nothing in it is markup; an
# escaped character comes before code, since an escaped backtick opens none. Where in doubt it is not taken for code.
_MARKUP = re.compile(
    r"""
    (?P<keep> \\. | ```\n*[^\n].*?``` | (?<!`)(?P<ticks>`++)(?:.*?[^`])(?P=ticks)(?!`) )
    | (?P<link> \]\( )
    | (?P<mention> <@ | @(?=everyone|here) )
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENER = re.compile(r"```\w{0,20}$")


def neutral(text: str) -> str:
    """Disarm pings and masked links. What is inside code stays as it is."""
    return _MARKUP.sub(_disarm, text)


def one_line(text: str) -> str:
    return neutral(" ".join(text.split()))


def split(text: str, limit: int = MAX_MESSAGE) -> list[str]:
    """Cut into messages, at line ends or blanks where there are any. A code block that is cut is closed and reopened,
    one that was never closed is closed at the end. Blank text gives nothing, as Discord takes no empty message."""
    pieces: list[str] = []
    piece, opener = "", ""
    for line, is_whole in _lines(text, limit - _ROOM_FOR_FENCES):
        longer = f"{piece}\n{line}" if piece else line
        if len(longer) + _ROOM_FOR_FENCES // 2 > limit:
            pieces.append(_closed(piece, opener))
            longer = f"{opener}\n{line}" if opener else line
        piece, opener = longer, _open_after(line, opener, is_whole)
    pieces.append(_closed(piece, opener))
    return [piece for piece in pieces if piece.strip()]


def _disarm(found: re.Match[str]) -> str:
    if found["link"]:
        return r"]\("
    if found["mention"]:
        return found["mention"].replace("@", "@\u200b")
    return found[0]


def _lines(text: str, room: int) -> list[tuple[str, bool]]:
    """The lines, cut where they are too long, and whether they end where the text's own line ends."""
    lines: list[tuple[str, bool]] = []
    for line in text.split("\n"):
        while len(line) > room:
            cut = _cut(line, room)
            lines.append((line[:cut], False))
            line = line[cut:]
        lines.append((line, True))
    return lines


def _cut(line: str, room: int) -> int:
    """After the last blank that leaves at least half; else hard, but not within a run of backticks."""
    blank = line.rfind(" ", room // 2, room)
    cut = blank + 1 if blank >= 0 else room
    start = cut
    while start > 0 and line[start - 1] == "`" and line[start : start + 1] == "`":
        start -= 1
    return start or cut // len(FENCE) * len(FENCE)


def _open_after(line: str, opener: str, is_whole: bool) -> str:
    """What would open the code block again that is open after this line; empty where none is.

    A language stands at a line's end; what a cut has put there is a part of the code.
    """
    if line.count(FENCE) % 2 == 0:
        return opener
    if opener:
        return ""
    found = _OPENER.search(line) if is_whole else None
    return found[0] if found else FENCE


def _closed(piece: str, opener: str) -> str:
    return f"{piece}\n{FENCE}" if opener else piece
