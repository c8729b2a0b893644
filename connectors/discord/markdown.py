"""Text as Discord takes it: in pieces of two thousand characters, and without markup that could mislead.

People's and the model's markdown is kept, as code blocks and lists are worth having, but for two things: nobody is
pinged, and no link hides its target behind other words.
"""

import re

from connectors.discord.surface import MAX_MESSAGE

FENCE = "```"
_ROOM_FOR_FENCES = 40

_FENCED = re.compile(r"```\n*[^\n`][^`]*```")
_MARKUP = re.compile(r"(?P<link>\]\()|(?P<mention><@|@(?=everyone|here))")
_OPENER = re.compile(r"```\w{0,20}$")


def neutral(text: str) -> str:
    """Disarm pings and masked links.

    What stands in a code block stays as it is, if no other backtick is about: Discord could pair that one with the
    block's, and read as a link what we took for code.
    """
    blocks = _FENCED.findall(text)
    between = _FENCED.split(text)
    if any("`" in piece or piece.endswith("\\") for piece in between):
        return _disarmed(text)
    return "".join(_disarmed(piece) + block for piece, block in zip(between, [*blocks, ""], strict=True))


def one_line(text: str) -> str:
    """For what stands beside other texts: whatever it holds, and whatever they hold, nothing in it is kept as code."""
    return _disarmed(" ".join(text.split()))


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


def _disarmed(text: str) -> str:
    return _MARKUP.sub(_disarm, text)


def _disarm(found: re.Match[str]) -> str:
    return r"]\(" if found["link"] else found["mention"].replace("@", "@\u200b")


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
