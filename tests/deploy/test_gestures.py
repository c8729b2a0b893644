"""The table of gestures names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "deploy" / "GESTURES.md").read_text(encoding="utf-8")


def test_every_test_that_the_table_names_is_there() -> None:
    named = re.findall(r"`(\w+)/(test_\w+\.py)::(test_\w+)`", TABLE)
    assert len(named) > 50
    for folder, file, test in named:
        parent = ROOT / "tests" / ("" if folder == "bot" else "connectors") / folder
        assert re.search(rf"^(async )?def {test}\(", (parent / file).read_text(encoding="utf-8"), re.MULTILINE), test
