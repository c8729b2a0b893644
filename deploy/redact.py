"""`mentee redact`: personal data out of a stream of lines. Needs no database and no model."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from bot.errors import SourceUnreadable
from bot.personal import Labels
from learning.redaction.finder import Finder


def redact_lines(lines: Iterable[str], names: Path | None, *, as_json: bool) -> None:
    """Print each line redacted as soon as it is there; as JSON, with the spans of the line as it came in.

    Placeholders are numbered within a line. Raises SourceUnreadable for a file of names that can't be read.
    """
    finder = Finder()
    for name in _names(names) if names is not None else ():
        finder.meet(name)
    for line in lines:
        text = line.removesuffix("\n")
        spans = finder.find(text)
        redacted = Labels().replace(text, spans)
        if as_json:
            print(json.dumps({"text": redacted, "spans": [asdict(span) for span in spans]}, ensure_ascii=False))
        else:
            print(redacted, flush=True)


def _names(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise SourceUnreadable(f"The names in {path} can't be read: {problem}.") from problem
