"""Adapter folders: they appear whole, and whatever is not what was trained is refused."""

import errno
import json
import os
import pickle
from collections.abc import Callable
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from bot.errors import AdapterBroken
from bot.ids import AdapterId
from storage.adapter_files import MANIFEST, WEIGHTS, AdapterFiles

ID = AdapterId("0199-aaaa")
BASE = "b" * 64
CONTENT = {
    WEIGHTS: b"weights" * 100,
    "adapter_config.json": b"{}",
    "README.md": b"# Card",
}


@pytest.fixture
def files(tmp_path: Path) -> AdapterFiles:
    return AdapterFiles(tmp_path / "adapters", BASE)


def stage(files: AdapterFiles, id: AdapterId = ID) -> Path:
    staged = files.stage(id)
    for name, content in CONTENT.items():
        (staged / name).write_bytes(content)
    return staged


@pytest.fixture
def published(files: AdapterFiles) -> Path:
    files.publish(ID, stage(files), BASE)
    return files.folder(ID)


def test_a_published_adapter_verifies_and_names_its_weights(files: AdapterFiles) -> None:
    staged = stage(files)
    assert files.publish(ID, staged, BASE) == sha256(CONTENT[WEIGHTS]).hexdigest()
    assert not staged.exists()
    assert {path.name: path.read_bytes() for path in files.folder(ID).iterdir() if path.name != MANIFEST} == CONTENT
    files.verify(ID)


def test_the_manifest_names_every_file_and_the_base(published: Path) -> None:
    manifest = json.loads((published / MANIFEST).read_text())
    assert manifest["format"] == 1
    assert manifest["base_sha256"] == BASE
    assert manifest["files"] == {
        name: {"sha256": sha256(content).hexdigest(), "bytes": len(content)} for name, content in CONTENT.items()
    }


def test_without_a_base_of_its_own_it_takes_adapters_for_any(files: AdapterFiles, published: Path) -> None:
    AdapterFiles(published.parent).verify(ID)
    with pytest.raises(AdapterBroken, match=r"another base model"):
        AdapterFiles(published.parent, "c" * 64).verify(ID)


def alter_manifest(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, **changes}))


def flip_a_byte(folder: Path) -> None:
    content = bytearray(CONTENT[WEIGHTS])
    content[3] ^= 1
    (folder / WEIGHTS).write_bytes(content)


def link_weights(folder: Path) -> None:
    original = folder.parent / "elsewhere.safetensors"
    (folder / WEIGHTS).rename(original)
    (folder / WEIGHTS).symlink_to(original)


def link_manifest(folder: Path) -> None:
    original = folder.parent / "elsewhere.json"
    (folder / MANIFEST).rename(original)
    (folder / MANIFEST).symlink_to(original)


def link_folder(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def listed_pickle(folder: Path) -> None:
    content = pickle.dumps({"weights": 1})
    (folder / "adapter_model.bin").write_bytes(content)
    listed = {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    files = json.loads((folder / MANIFEST).read_text())["files"]
    alter_manifest(folder, files={**files, "adapter_model.bin": listed})


def listed_outsider(folder: Path) -> None:
    (folder.parent / "outside.json").write_text("{}")
    listed = {"sha256": sha256(b"{}").hexdigest(), "bytes": 2}
    files = json.loads((folder / MANIFEST).read_text())["files"]
    alter_manifest(folder, files={**files, "../outside.json": listed})


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda folder: folder.rename(folder.parent / "gone"), r"folder .* is missing"),
    "linked folder": (link_folder, r"folder .* is missing"),
    "no manifest": (lambda folder: (folder / MANIFEST).unlink(), MANIFEST),
    "torn manifest": (lambda folder: (folder / MANIFEST).write_text('{"format": 1, "fi'), MANIFEST),
    "binary manifest": (lambda folder: (folder / MANIFEST).write_bytes(b"\xff\xfe\x00"), MANIFEST),
    "a list as manifest": (lambda folder: (folder / MANIFEST).write_text("[]"), MANIFEST),
    "another format": (lambda folder: alter_manifest(folder, format=2), MANIFEST),
    "nothing listed": (lambda folder: alter_manifest(folder, files={}), MANIFEST),
    "linked manifest": (link_manifest, MANIFEST),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), f"{WEIGHTS} is missing"),
    "no card": (lambda folder: (folder / "README.md").unlink(), "README.md is missing"),
    "foreign file": (lambda folder: (folder / "notes.md").touch(), "notes.md is foreign"),
    "foreign folder": (lambda folder: (folder / "sub").mkdir(), "sub is not a plain file"),
    "linked weights": (link_weights, f"{WEIGHTS} is not a plain file"),
    "altered weights": (flip_a_byte, f"{WEIGHTS} is not the file"),
    "cut weights": (lambda folder: os.truncate(folder / WEIGHTS, 10), f"{WEIGHTS} is not the file"),
    "listed pickle": (listed_pickle, "adapter_model.bin"),
    "listed outsider": (listed_outsider, "outside.json"),
    "another adapter's": (lambda folder: alter_manifest(folder, adapter="0199-bbbb"), MANIFEST),
    "no base": (lambda folder: alter_manifest(folder, base_sha256=None), "another base model"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_adapter_is_refused_with_what_is_wrong_and_what_to_do(
    files: AdapterFiles, published: Path, damage: str
) -> None:
    files.verify(ID)
    do, complaint = DAMAGES[damage]
    do(published)
    with pytest.raises(AdapterBroken, match=complaint) as raised:
        files.verify(ID)
    assert ID in str(raised.value)
    assert "romote another adapter" in str(raised.value)


def without_weights(staged: Path) -> None:
    (staged / WEIGHTS).unlink()


def with_pickle(staged: Path) -> None:
    (staged / "optimizer.pt").write_bytes(pickle.dumps({}))


def with_folder(staged: Path) -> None:
    (staged / "checkpoint-1").mkdir()


@pytest.mark.parametrize("spoil", [without_weights, with_pickle, with_folder])
def test_what_would_never_be_loaded_is_not_published(files: AdapterFiles, spoil: Callable[[Path], None]) -> None:
    staged = stage(files)
    spoil(staged)
    with pytest.raises(AdapterBroken, match=ID):
        files.publish(ID, staged, BASE)
    assert not files.folder(ID).exists()


@pytest.mark.parametrize(
    ("step", "works", "is_there"),
    [("fsync", 0, False), ("fsync", len(CONTENT), False), ("replace", 0, False), ("fsync", len(CONTENT) + 2, True)],
)
def test_a_full_disk_leaves_the_whole_adapter_or_nothing(
    files: AdapterFiles, monkeypatch: pytest.MonkeyPatch, step: str, works: int, is_there: bool
) -> None:
    staged, real, calls = stage(files), getattr(os, step), count()

    def fail(*arguments: object) -> object:
        if next(calls) >= works:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left"):
        files.publish(ID, staged, BASE)
    assert files.folder(ID).exists() is is_there
    if is_there:
        files.verify(ID)


def test_a_second_adapter_does_not_take_the_place_of_the_first(files: AdapterFiles, published: Path) -> None:
    staged = files.stage(ID)
    for name in CONTENT:
        (staged / name).write_bytes(b"other")
    with pytest.raises((OSError, AdapterBroken)):
        files.publish(ID, staged, BASE)
    files.verify(ID)


def test_everything_is_on_disk_before_the_folder_appears(files: AdapterFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    staged, final = stage(files), files.folder(ID)
    flushed: list[tuple[str, bool]] = []

    def fsync(descriptor: int) -> None:
        flushed.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, final.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    files.publish(ID, staged, BASE)
    before = {name for name, appeared in flushed if not appeared}
    assert before == {*CONTENT, MANIFEST, staged.name}
    assert [name for name, appeared in flushed if appeared] == [final.parent.name]


def test_what_an_interrupted_training_left_is_swept_and_nothing_else(files: AdapterFiles, published: Path) -> None:
    young = stage(files, AdapterId("0199-young"))
    left = [stage(files, AdapterId(f"0199-{i}")) for i in range(2)]
    for folder in left:
        os.utime(folder, (0, 0))
    assert files.sweep() == 2
    assert young.exists()
    assert not any(folder.exists() for folder in left)
    files.verify(ID)
    assert files.sweep() == 0


def test_there_is_nothing_to_sweep_before_the_first_adapter(tmp_path: Path) -> None:
    assert AdapterFiles(tmp_path / "none").sweep() == 0


def test_a_staging_folder_is_always_fresh(files: AdapterFiles) -> None:
    stage(files)
    assert list(files.stage(ID).iterdir()) == []
