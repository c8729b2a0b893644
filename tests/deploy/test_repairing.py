"""What a crash leaves behind: `mentee doctor` finds it, `--repair` clears it, and what is of use stays."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.ids import AdapterId, RunId, new_id
from bot.lineage import Run
from bot.ports import Unit
from deploy.parts import Kept, open_kept
from deploy.repairing import SET_ASIDE
from deploy.settings import read_settings
from deploy.wiring import utc_now
from tests.bot.events import message
from tests.deploy.adapters import keep_adapter
from tests.deploy.conftest import Mentee


@pytest.fixture
def kept(data: Path) -> Iterator[Kept]:
    with open_kept(read_settings()) as opened:
        yield opened


def finding(mentee: Mentee, name: str, *options: str) -> dict[str, str]:
    findings = json.loads(mentee("doctor", "--json", *options).stdout)["findings"]
    return next((each for each in findings if each["name"] == name), {})


def crash(kept: Kept) -> tuple[list[Path], Path]:
    """What is of no use any more, and an adapter that the database doesn't know."""
    orphan = kept.adapter_files.folder(keep_adapter(kept, number=9).id)
    lost = orphan.rename(orphan.with_name(new_id()))
    over = kept.settings.data_dir / "training" / new_id()
    over.mkdir(parents=True)
    unfinished = kept.settings.data_dir / ".restore-1"
    unfinished.mkdir()
    return [kept.adapter_files.stage(AdapterId(new_id())), over, unfinished], lost


def test_what_was_left_is_cleared_and_what_is_of_use_stays(mentee: Mentee, kept: Kept) -> None:
    live = kept.adapter_files.folder(keep_adapter(kept, number=1).id)
    useless, lost = crash(kept)
    found = finding(mentee, "leftovers")
    assert found["state"] == "warn"
    assert all(str(path) in found["text"] for path in (*useless, lost))
    assert "--repair" in found["remedy"]
    assert all(path.exists() for path in useless)  # looking changes nothing

    cleared = finding(mentee, "leftovers", "--repair")
    assert cleared["state"] == "ok"
    assert not any(path.exists() for path in (*useless, lost))
    assert (kept.settings.data_dir / SET_ASIDE / lost.name).is_dir()
    assert live.is_dir()
    assert finding(mentee, "leftovers")["text"].startswith("nothing")


def test_a_retraining_that_is_under_way_keeps_what_is_its(mentee: Mentee, kept: Kept) -> None:
    run = Run(id=RunId(new_id()), slot="s", requested_by="test", requested_at=utc_now())

    def begin(unit: Unit) -> None:
        unit.runs.request(run)
        unit.runs.claim("me", utc_now(), 60.0)

    kept.store.run_sync(begin)
    work = kept.settings.data_dir / "training" / run.id
    work.mkdir(parents=True)
    staged = kept.adapter_files.stage(AdapterId(new_id()))
    finding(mentee, "leftovers", "--repair")
    assert work.is_dir()
    assert staged.is_dir()


def test_events_that_were_set_aside_are_shown_by_their_ids(mentee: Mentee, kept: Kept) -> None:
    event = message("A secret question")
    kept.store.run_sync(lambda unit: unit.inbox.add(event))
    kept.store.run_sync(lambda unit: unit.inbox.done(event.id, parked=True))
    found = finding(mentee, "events")
    assert found["state"] == "warn"
    assert event.id in found["text"]
    assert "secret" not in str(found)
    assert "send it again" in found["remedy"]
