"""The rows that the benchmark of loading makes."""

import csv
from pathlib import Path

from deploy.bench.ingest import write_rows
from learning.sources.ingest import Options, ingest
from tests.databases import open_store


def test_the_rows_are_the_same_each_time_and_their_planted_duplicates_are_found(tmp_path: Path) -> None:
    first, again = tmp_path / "a.csv", tmp_path / "b.csv"
    planted = write_rows(first, 101)
    assert write_rows(again, 101) == planted == 10
    assert first.read_bytes() == again.read_bytes()
    with first.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 101


async def test_they_can_be_loaded(tmp_path: Path) -> None:
    planted = write_rows(tmp_path / "a.csv", 101)
    store = open_store(tmp_path)
    report = await ingest([tmp_path / "a.csv"], store, Options())
    store.close()
    assert report.data.steps["duplicates"].dropped == planted
    assert report.facts == report.data.kept_entries == 101 - planted
