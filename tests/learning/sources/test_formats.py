"""Every format brings the same things: sections with titles and links, entries with their line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import SourceUnreadable
from bot.retrieval import Section
from learning.sources import formats
from learning.sources.formats import FORMATS, format_of, missing_libraries
from learning.sources.items import Broken, FaqRow, Item, Terms
from learning.sources.reading import Reader
from tests.learning.sources.documents import make_docx, make_pdf, make_xlsx

HTML = """<html><head><title>Plans | Site</title><link rel=canonical href="https://example.org/plans">
<link rel="license" href="https://creativecommons.org/licenses/by/4.0/"></head><body><nav>Menu</nav><main>
<h1>Plans</h1><p>There are   <b>three</b>,<br>all fair.</p>
<h2 id="grove">Grove <a href="#grove">¶</a></h2><ul><li>one</li><li><p>two</p></li></ul>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table><pre>x = [
  1 ]</pre></main><footer>Imprint</footer></body></html>"""


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as opened:
        yield opened


def sections(items: Iterator[Item]) -> list[tuple[str, str, str, str | None]]:
    return [(each.title, each.heading, each.text, each.link) for each in items if isinstance(each, Section)]


def test_html(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "plans.html"
    path.write_text(HTML)
    items = list(reader.read(path))
    assert Terms("https://creativecommons.org/licenses/by/4.0/") in items
    link = "https://example.org/plans"
    assert sections(iter(items)) == [
        ("Plans", "Plans", "There are three,\nall fair.", link),
        ("Plans", "Grove", "- one\n- two\n\na | b\n1 | 2\n\nx = [\n  1 ]", f"{link}#grove"),
    ]


def test_html_is_read_in_the_encoding_that_it_names(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes('<meta charset="iso-8859-1"><h1>Gebühr</h1><p>Über 3 €'.encode("iso-8859-1", "replace"))
    assert sections(reader.read(path)) == [("Gebühr", "Gebühr", "Über 3 ?", None)]


def test_a_very_deep_page_is_read(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "deep.html"
    path.write_text("<div>" * 5_000 + "Text." + "</div>" * 5_000)
    assert [text for _, _, text, _ in sections(reader.read(path))] == ["Text."]


def test_pdf_along_its_outline(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "price-list.pdf"
    make_pdf(path, [["Plans", "There are three", "plans in all."], ["Refunds", "Within 14 days."]])
    assert sections(reader.read(path)) == [
        ("Price list", "Plans", "There are three plans in all.", None),
        ("Price list", "Refunds", "Within 14 days.", None),
    ]
    make_pdf(path, [["Plans", "There are three."]], outline=False)
    assert sections(reader.read(path)) == [("Price list", "page 1", "Plans\nThere are three.", None)]


def test_word(reader: Reader, tmp_path: Path) -> None:
    make_docx(tmp_path / "refunds.docx")
    assert sections(reader.read(tmp_path / "refunds.docx")) == [
        ("Refunds", "Refunds", "What comes first.", None),
        ("Refunds", "Refund a payment", "- Choose Refund.\n\nFee | None", None),
    ]


def test_excel(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "faq.xlsx"
    make_xlsx(path, [["ID", "Question", "Answer"], [3.0, "How much?", 10], [], [4, "Why?", None]])
    assert list(reader.read(path)) == [
        FaqRow("3", "How much?", "10", line=2),
        Broken(4, "the answer is empty", "4 | Why?"),
    ]
    make_xlsx(path, [["Name", "Age"], ["Ann", 3]])
    with pytest.raises(SourceUnreadable, match="no sheet"):
        list(reader.read(path))


def test_json_lines(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "faq.jsonl"
    path.write_text(
        '{"question": "How?", "answer": "So.", "phrasings": ["how so?"], "licence": "CC0"}\n\n{"question": "Wh\n[1]\n'
    )
    row, half, foreign = reader.read(path)
    assert row == FaqRow("how?", "How?", "So.", phrasings=("how so?",), line=1, licence="CC0")
    assert isinstance(half, Broken)
    assert "broken JSON" in half.reason
    assert foreign == Broken(4, "not a record with fields", "[1]")


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_libraries() == []
    monkeypatch.setattr(formats, "find_spec", lambda module: None if module == "pypdf" else object())
    assert missing_libraries() == ["pypdf"]
    with pytest.raises(SourceUnreadable, match=r"PDF needs an extra: pip install -e '\.\[ingest\]'"):
        format_of(Path("a.pdf"))
    assert format_of(Path("a.HTML")) is FORMATS[".html"]
