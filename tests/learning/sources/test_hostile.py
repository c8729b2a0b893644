"""Files that were made to do harm, or broke: each costs itself alone, and says why."""

import json
import os
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject

from bot.errors import SourceUnreadable
from bot.retrieval import Section
from learning.sources import reader as reader_process
from learning.sources import reading
from learning.sources.files import find
from learning.sources.reading import ROOT, Reader
from tests.learning.sources.documents import make_docx, make_pdf

LAUGHS = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
BOMB = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "ha">{LAUGHS}]><l>&l9;</l>'


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as opened:
        yield opened


def archive(path: Path, contents: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in contents.items():
            made.writestr(name, content)


def zip_bomb(path: Path) -> None:
    archive(path, {"users.json": "[]", "help/a.json": " " * 20_000_000})


def lying_bomb(path: Path) -> None:
    """Its directory says that it is small."""
    archive(path, {"users.json": "[]", "help/a.json": f"[{' ' * 900_000}]"})
    raw = path.read_bytes()
    path.write_bytes(raw.replace((900_002).to_bytes(4, "little"), (2).to_bytes(4, "little")))


def traversal(path: Path) -> None:
    archive(path, {"users.json": "[]", "../../etc/a.json": "[]"})


def link_inside(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as made:
        entry = zipfile.ZipInfo("users.json")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(entry, "/etc/passwd")


def no_slack_export(path: Path) -> None:
    archive(path, {"a.txt": "a"})


def xml_bomb(path: Path) -> None:
    archive(path, {"[Content_Types].xml": BOMB, "word/document.xml": BOMB})


def no_archive(path: Path) -> None:
    path.write_bytes(b"PK\3\4 and then nothing")


def half_docx(path: Path) -> None:
    make_docx(path)
    path.write_bytes(path.read_bytes()[:2_000])


def encrypted_pdf(path: Path) -> None:
    make_pdf(path, [["Plans", "Secret."]], password="hunter2")


def half_pdf(path: Path) -> None:
    make_pdf(path, [["Plans", "Text."]])
    path.write_bytes(path.read_bytes()[:300])


def looping_pdf(path: Path) -> None:
    """A page tree whose only child is itself."""
    writer = PdfWriter()
    tree = writer.root_object["/Pages"].get_object()
    assert isinstance(tree, DictionaryObject)
    tree[NameObject("/Kids")] = ArrayObject([writer.root_object.raw_get("/Pages")])
    tree[NameObject("/Count")] = NumberObject(1)
    writer.write(path)


def deep_json(path: Path) -> None:
    path.write_text("[" * 200_000)


def huge_json(path: Path) -> None:
    path.write_text("[" + "[]," * 12_000_000 + "[]]")


def lying_html(path: Path) -> None:
    path.write_bytes(b"<meta charset=utf-8><p>\xff\xfe\xfa")


HOSTILE: list[tuple[str, Callable[[Path], None], str]] = [
    ("a.zip", zip_bomb, "must be a ZIP bomb"),
    ("a.zip", lying_bomb, "not a whole ZIP archive|broken JSON"),
    ("a.zip", traversal, "points out of the archive"),
    ("a.zip", link_inside, "is a symbolic link"),
    ("a.zip", no_slack_export, "no Slack export"),
    ("a.docx", xml_bomb, "declares XML entities"),
    ("a.xlsx", xml_bomb, "declares XML entities"),
    ("a.docx", no_archive, "not a whole ZIP archive"),
    ("a.docx", half_docx, "not a whole ZIP archive"),
    ("a.pdf", encrypted_pdf, "it is encrypted"),
    ("a.pdf", half_pdf, "not a whole PDF|no text"),
    ("a.pdf", looping_pdf, "not a whole PDF|no text|nested|gave up|too deeply"),
    ("a.json", deep_json, "broken JSON|nested too deeply"),
    ("a.json", huge_json, "512 MB of memory"),
    ("a.html", lying_html, "it says that it is utf-8, and is not"),
]


@pytest.mark.parametrize(("name", "make", "reason"), HOSTILE, ids=[make.__name__ for _, make, _ in HOSTILE])
def test_it_is_refused_with_the_reason_and_the_next_file_is_read(
    reader: Reader, tmp_path: Path, name: str, make: Callable[[Path], None], reason: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(SourceUnreadable, match=reason):
        list(reader.read(tmp_path / name))
    (tmp_path / "sound.html").write_text("<h1>Sound</h1><p>Text.")
    assert [item.text for item in reader.read(tmp_path / "sound.html") if isinstance(item, Section)] == ["Text."]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("while True: pass", "more than 1 s of processor time"),
        ("import time; time.sleep(600)", "nothing was found in it for 2 s"),
        ("import os; os.kill(os.getpid(), 11)", r"broke its parser \(code -11\)"),
        ("import os; os._exit(3)", r"broke its parser \(code 3\)"),
        ("b = bytearray(1 << 30)", "512 MB of memory"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "no document needs"),
        ("import subprocess; subprocess.run(['true'])", "no document needs"),
        ("open('/tmp/mentee-was-here', 'w')", r"no document needs \(open\)"),
        ("import os; os.write(1, b'[' * 30_000_000)", "never ends"),
        ("import os; os.write(1, b'[' * 200_000 + b'\\n')", "makes no sense"),
        ("""import os; os.write(1, b'{"kind": "Section"}\\n')""", "makes no sense"),
        ("""import os; os.write(1, b'{"kind": "Broken", "line": [], "reason": 7}\\n')""", "makes no sense"),
        ("import os; os._exit(4 if 'MENTEE_PLANTED' in os.environ or 'PATH' not in os.environ else 3)", r"code 3\)"),
        ("raise ZeroDivisionError('in a parser')", "gave up .ZeroDivisionError"),
    ],
)
def test_a_parser_that_is_taken_over_can_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    """The reading process with a PDF parser that does whatever the hostile file says."""
    script = (
        "from learning.sources import formats, reader; from dataclasses import replace; reader.CPU_SECONDS = 1\n"
        f"def read(path): exec({code!r}); yield from ()\n"
        "formats.FORMATS['.pdf'] = replace(formats.FORMATS['.pdf'], read=read)\nreader.main()"
    )
    monkeypatch.setenv("MENTEE_PLANTED", "a secret")
    real = subprocess.Popen
    monkeypatch.setattr(
        "learning.sources.reading.subprocess.Popen",
        lambda _, **options: real([sys.executable, "-c", script], **options),
    )
    monkeypatch.setattr(reader_process, "CPU_SECONDS", 1)
    if "sleep" in code:
        monkeypatch.setattr(reading, "PATIENCE_S", 2.0)
    (tmp_path / "a.pdf").write_text("x")
    (tmp_path / "b.html").write_text("<h1>Sound</h1><p>Text.")
    with Reader() as opened:
        with pytest.raises(SourceUnreadable, match=reason):
            list(opened.read(tmp_path / "a.pdf"))
        assert any(isinstance(item, Section) for item in opened.read(tmp_path / "b.html"))
    assert not Path("/tmp/mentee-was-here").exists()


def test_a_reader_waits_as_long_as_what_it_found_is_being_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.html").write_text("<h1>A</h1><p>Text." + "".join(f"<h2>{n}</h2><p>More {n}." for n in range(2_000)))
    monkeypatch.setattr(reading, "LOOK_EVERY_S", 0.01)
    with Reader() as opened:
        items = opened.read(tmp_path / "a.html")
        first = next(items)
        monkeypatch.setattr(reading, "PATIENCE_S", 0.0)
        threading.Event().wait(0.2)  # somebody keeps it, slowly
        monkeypatch.setattr(reading, "PATIENCE_S", 600.0)
        assert len([first, *items]) == 2_002


def test_a_file_of_2_gb_is_refused_unread(tmp_path: Path) -> None:
    for name in ("a.csv", "a.pdf", "a.zip", "a.md"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2_000_000_000)
    found = find([tmp_path])
    assert found.files == []
    assert all("2000 MB" in reason for _, reason in found.skipped)
    assert len(found.skipped) == 4


def test_links_out_of_a_folder_and_special_files_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret.md").write_text("# Secret\nText.")
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    (folder / "dead.md").symlink_to(folder / "nowhere.md")
    (folder / "loop").symlink_to(folder)
    (folder / "sub" / "good.md").write_text("# Good\nText.")
    os.mkfifo(folder / "pipe.md")
    found = find([folder])
    assert found.files == [folder / "sub" / "good.md"]
    reasons = {path.name: reason for path, reason in found.skipped}
    assert "leads out of the folder" in reasons["link.md"]
    assert "No such file" in reasons["dead.md"]
    assert reasons["pipe.md"] == "not a regular file"


def test_the_reading_process_is_limited_and_reads_one_file_after_another(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>One")
    asked = json.dumps(str(tmp_path / "a.html")) + "\n"
    said = subprocess.run(
        [sys.executable, "-m", reader_process.__name__], input=asked * 2, capture_output=True, text=True, cwd=ROOT
    )
    assert [json.loads(line)["kind"] for line in said.stdout.splitlines()] == ["Terms", "Section", "End"] * 2
