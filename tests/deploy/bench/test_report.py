"""The frame: turns alternate, what was measured is written at once, and ratios say which way is better."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.bench.report import OURS, Row, alternating, open_bench, percentile


def written(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_turns_alternate_and_warm_ups_do_not_count(tmp_path: Path) -> None:
    turns: list[str] = []

    def contender(name: str, seconds: float) -> float:
        turns.append(name)
        return seconds * len(turns)

    with open_bench("speed", tmp_path / "out.json") as bench:
        rows = bench.compare(
            "work", "s", {OURS: lambda: contender("a", 1), "rival": lambda: contender("b", 10)}, repetitions=2
        )
    assert turns == ["a", "b", "b", "a", "a", "b"]
    assert rows[OURS].values == (4, 5)
    assert rows["rival"].values == (30, 60)


async def test_contenders_in_an_event_loop_take_turns_too() -> None:
    async def one() -> float:
        return 1.0

    with open_bench("speed", None) as bench:
        rows = await bench.compare_async("work", "s", {OURS: one, "rival": one}, repetitions=1, warm_ups=0)
    assert [row.values for row in rows.values()] == [(1.0,), (1.0,)]


def test_the_order_is_forth_and_back() -> None:
    assert [name for name, _ in alternating({"a": 1, "b": 2}, 3)] == ["a", "b", "b", "a", "a", "b"]


def test_better_is_above_one_whichever_way_is_better() -> None:
    assert Row("w", OURS, "s", (1.0, 2.0, 9.0)).ratio_to(Row("w", "rival", "s", (4.0,))) == 2.0
    assert Row("w", OURS, "tokens/s", (30.0,), "more").ratio_to(Row("w", "rival", "tokens/s", (10.0,), "more")) == 3.0


def test_the_report_names_rows_ratios_and_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out.json"
    with open_bench("speed", path) as bench:
        mine = bench.add(Row("work", OURS, "s", (1.0, 3.0, 2.0), note="cold"))
        bench.ratio("work_vs_rival", mine, bench.add(Row("work", "rival", "s", (5.0,))))
        bench.figure("known_p50_ms", 51.23456)
    report = written(path)
    assert report["ratios"] == {"work_vs_rival": 2.5, "known_p50_ms": 51.235}
    assert report["rows"][0] == {
        "workload": "work", "contender": OURS, "unit": "s", "values": [1.0, 3.0, 2.0], "better": "less",
        "note": "cold", "median": 2.0,
    }  # fmt: skip
    assert report["complete"] is True
    assert {"cpu", "cores", "memory_gb", "gpu", "load_average", "packages"} <= set(report["machine"])
    assert "numpy" in report["machine"]["packages"]
    shown = capsys.readouterr().out
    assert "work_vs_rival: 2.5" in shown
    assert "1 … 3" in shown


@pytest.mark.parametrize("end", [KeyboardInterrupt, MemoryError])
def test_what_was_measured_before_an_interruption_is_there(tmp_path: Path, end: type[BaseException]) -> None:
    path = tmp_path / "out.json"
    at_once: list[dict[str, Any]] = []

    def interrupted() -> None:
        with open_bench("speed", path) as bench:
            bench.add(Row("first", OURS, "s", (1.0,)))
            at_once.append(written(path))
            raise end

    with pytest.raises(end):
        interrupted()
    assert [row["workload"] for row in at_once[0]["rows"]] == ["first"]
    assert written(path)["complete"] is False


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(number) for number in range(200, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (100, 198, 200)
    assert percentile([7.0], 99) == 7.0
