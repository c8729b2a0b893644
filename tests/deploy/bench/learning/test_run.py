"""The benchmark as a whole on the real product: a tiny model writes, the real encoder remembers."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bot.errors import ModelFileError, SettingError
from deploy.bench.learning import plots, run, stages
from deploy.bench.learning.figures import Figure, missing
from deploy.bench.learning.table import LearningReport, pick
from deploy.settings import Settings
from tests.deploy.bench.learning.banks import rows, write
from tests.learning.model_cache import needs
from tests.tiny_model import make_tiny_model

SMALL = stages.Size(8, 1, (1, 3), 24, 2, 12, 1, 2, 2, 1, (1, 3), 6)
METRICS = {
    "strict_after_1", "strict_after_6", "strict_after_24", "coverage_at_5pct_error", "oos_answered", "closed_book",
    "open_book_unseen", "general_nll_delta", "forgetting", "stale", "poison_success", "effort_last_vs_first",
}  # fmt: skip


@pytest.fixture
def options(tmp_path: Path) -> Callable[[str], run.Options]:
    data = write(tmp_path / "bank.jsonl", rows())
    strange = [{"question": text, "split": "test"} for text in ("do ducks sleep", "who won the cup in 1998")]
    oos = write(tmp_path / "oos.jsonl", strange)
    general = write(tmp_path / "general.jsonl", [{"question": "Hi", "answer": "Hello!", "split": "test"}] * 2)
    return lambda systems: run.Options(data, None, general, oos, 1, systems.split(","), True, False, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it
def test_every_measure_is_told_of_every_system(
    options: Callable[[str], run.Options], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "QUICK", SMALL)
    settings = Settings(base_model=str(make_tiny_model(tmp_path / "tiny")), training_epochs=1)
    run.run(options("mentee,mentee-no-gate,memory-in-context,nearest,rag,base"), settings)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    told, why = report["systems"], report["reasons"]
    mentee, nearest = told["mentee"], told["nearest"]
    assert set(mentee) >= METRICS
    assert all(set(figures) >= METRICS for figures in told.values())
    assert all(key in why[name] for name, own in told.items() for key in own if own[key] is None)
    assert 0 < mentee["strict_after_1"] <= 1
    assert mentee["oos_answered"] == 0
    assert nearest["oos_answered"] == 1
    assert "24 questions" in why["mentee"]["strict_after_24"]
    assert mentee["round_s"] > 0
    assert told["base"]["closed_book"] == told["base"]["strict_after_3"] == 0
    assert "how sure" in why["memory-in-context"]["coverage_at_5pct_error"]
    assert "remembers as mentee" in why["mentee-no-gate"]["strict_after_1"]
    assert "--kb" in why["rag"]["strict_after_1"]
    assert "| strict_after_1 |" in (tmp_path / "out" / "report.md").read_text()
    assert {path.name for path in (tmp_path / "out").glob("*.svg")} >= {"learning_curves.svg", "coverage.svg"}


@needs("all-mpnet-base-v2")
def test_an_interrupted_run_goes_on_where_it_stopped(
    options: Callable[[str], run.Options], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "QUICK", SMALL)
    measured: list[str] = []
    original = stages.Stages.stream

    async def stream(self: stages.Stages, name: str, seed: int) -> stages.Found:
        measured.append(name)
        if len(measured) == 1:
            raise KeyboardInterrupt
        return await original(self, name, seed)

    monkeypatch.setattr(stages.Stages, "stream", stream)
    with pytest.raises(KeyboardInterrupt):
        run.run(options("nearest"), Settings())
    (stage,) = (tmp_path / "out" / "stages").iterdir()
    kept = stage.stat().st_mtime_ns
    run.run(options("nearest"), Settings())
    assert stage.stat().st_mtime_ns == kept
    assert len(list((tmp_path / "out" / "stages").iterdir())) == 4


def test_a_base_model_that_can_not_be_asked_is_told_at_once(
    options: Callable[[str], run.Options], tmp_path: Path
) -> None:
    mute = make_tiny_model(tmp_path / "mute", chat_template=None)
    with pytest.raises(ModelFileError, match="no chat template"):
        run.run(options("mentee"), Settings(base_model=str(mute)))
    assert not (tmp_path / "out").exists()


def test_without_matplotlib_there_are_no_plots_and_it_is_said_how_to_get_them(
    options: Callable[[str], run.Options], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(stages, "QUICK", SMALL)
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    run.run(options("perfect-memory"), Settings())
    assert not list((tmp_path / "out").glob("*.svg"))
    assert "pip install" in capsys.readouterr().err
    figures = json.loads((tmp_path / "out" / "report.json").read_text())["systems"]["perfect-memory"]
    assert figures["strict_after_1"] == 1
    assert figures["closed_book"] is None


@pytest.mark.parametrize("other", [{"known_from": 0.8}, {"training_minutes": 5}])
def test_other_settings_are_measured_anew(
    other: dict[str, Any], options: Callable[[str], run.Options], tmp_path: Path
) -> None:
    for settings in (Settings(), Settings(), Settings(**other)):
        run.run(options("perfect-memory"), settings)
    assert len(list((tmp_path / "out" / "stages").glob("perfect-memory-curve-*.json"))) == 2


def test_the_quick_run_trains_for_fewer_epochs_and_says_so(
    options: Callable[[str], run.Options], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "QUICK", replace(SMALL, epochs=2))
    for set_to, trained in ((3, 2), (1, 1)):
        run.run(options("perfect-memory"), Settings(training_epochs=set_to))
        about = json.loads((tmp_path / "out" / "report.json").read_text())["about"]
        assert about["settings"]["training_epochs"] == trained
        assert f"{trained} epochs of each retraining." in about["notes"]


def test_an_unknown_system_is_named(options: Callable[[str], run.Options]) -> None:
    with pytest.raises(SettingError, match="no system gpt"):
        run.run(options("mentee,gpt"), Settings())


def written(report: LearningReport, out: Path) -> dict[str, Any]:
    report.write(out)
    content: dict[str, Any] = json.loads((out / "report.json").read_text())
    return content


def test_what_the_gate_said_stands_in_the_report(tmp_path: Path) -> None:
    report = LearningReport({"command": "mentee bench learning"})
    report.add("mentee", {"promoted": Figure(0.0, reason="recall fails."), "stale": missing("Nothing changed.")}, {})
    assert written(report, tmp_path)["reasons"]["mentee"]["promoted"] == "recall fails."
    said, not_measured = (tmp_path / "report.md").read_text().split("## Not measured")
    assert "- mentee, promoted: recall fails." in said
    assert "recall" not in not_measured


def test_a_figure_that_is_missing_is_null_with_its_reason(tmp_path: Path) -> None:
    report = LearningReport({"command": "mentee bench learning"})
    report.add("mentee", {"stale": missing("Nothing changed."), "forgetting": Figure(0.12345, 0.1, 0.2, 7)}, {})
    content = written(report, tmp_path)
    assert content["systems"]["mentee"] == {"stale": None, "forgetting": 0.1235}
    assert content["reasons"]["mentee"] == {"stale": "Nothing changed."}
    assert content["intervals"]["mentee"] == {"forgetting": [0.1, 0.2]}
    assert "- Nothing changed. mentee: stale" in (tmp_path / "report.md").read_text()
    console = Console(record=True, width=100)
    report.show(console)
    assert "0.123 [0.10, 0.20]" in console.export_text()


def test_what_is_measured_once_stands_beside_the_means_over_seeds() -> None:
    first = {"mentee": stages.Found({"closed_book": Figure(0.6)}), "base": stages.Found({"closed_book": Figure(0.1)})}
    told = run._over_seeds([first, {"mentee": stages.Found({"closed_book": Figure(0.8)})}])
    assert told["mentee"].figures["closed_book"].value == pytest.approx(0.7)
    assert told["base"].figures["closed_book"] == Figure(0.1)


def test_rounds_that_the_data_has_not_are_told_so() -> None:
    picked = pick("strict", {1: {"strict": Figure(0.5)}}, (1, 6))
    assert picked["strict_after_1"].value == 0.5
    assert picked["strict_after_6"].value is None
