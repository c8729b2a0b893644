"""HTML help pages, without what surrounds the text. Knows nothing of files."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.retrieval import Section
from learning.sources.items import Terms
from learning.sources.sections import Piece, sections_along

AROUND = ["script", "style", "noscript", "template", "nav", "footer", "aside", "form", "iframe", "svg", "button"]
HEADINGS = {"h1": 1, "h2": 2, "h3": 3}
BLOCKS = frozenset("div section article li tr dl dt dd h4 h5 h6 figure".split())
PARAGRAPHS = frozenset("p pre blockquote table ul ol".split())
LINE, PARAGRAPH = "\x1e", "\x1d"
"""Stand for an end of a line, and of a paragraph, until it is known how many of them meet."""
ENDS = re.compile(rf"(?<![ \t])[ \t]*+[\n{LINE}{PARAGRAPH}][\s{LINE}{PARAGRAPH}]*")


def read_html(source: str, text: str) -> tuple[list[Section], Terms]:
    """Sections along `h1` to `h3`; links lead to the page's canonical address and the heading's id."""
    page = LexborHTMLParser(text)
    terms, link = _terms(page), _link(page)
    page.strip_tags(AROUND)
    body = page.css_first("main") or page.css_first("article") or page.body
    pieces = _pieces(body) if body is not None else []
    title = next((piece.heading for piece in pieces if piece.level == 1), "") or _title(page)
    return sections_along(source, pieces, title, link), terms


def _pieces(body: LexborNode) -> list[Piece]:
    pieces, heading = [Piece(0, "")], False
    for node, entering in _walk(body):
        tag = node.tag or ""
        if tag in HEADINGS:
            heading = entering
            if entering:
                pieces.append(Piece(HEADINGS[tag], "", anchor=_anchor(node)))
        elif heading:
            if tag == "-text" and entering:
                pieces[-1].heading += node.text_content or ""
        else:
            pieces[-1].lines.append(_text(node, tag, entering))
    for piece in pieces:
        piece.heading = " ".join(piece.heading.split()).strip(" ¶#")
        piece.lines = _lines("".join(piece.lines))
    return pieces


def _text(node: LexborNode, tag: str, entering: bool) -> str:
    """What a node brings to the text when it begins, or ends."""
    if tag == "-text":
        text = (node.text_content or "") if entering else ""
        return text if _in_code(node) else re.sub(r"\s+", " ", text)
    if tag == "li" and entering:
        return f"{LINE}- "
    if tag in ("td", "th"):
        return "" if entering else " | "
    if tag == "br" and entering:
        return LINE
    return PARAGRAPH if tag in PARAGRAPHS else LINE if tag in BLOCKS else ""


def _in_code(node: LexborNode) -> bool:
    above = node.parent
    return above is not None and (above.tag == "pre" or (above.parent is not None and above.parent.tag == "pre"))


def _lines(text: str) -> list[str]:
    text = re.sub(rf"- [\s{LINE}{PARAGRAPH}]+", "- ", text)
    text = ENDS.sub(lambda ends: "\n\n" if PARAGRAPH in ends[0] else "\n" + _indent(ends[0]), text)
    return re.sub(r"(?<![ \t])[ \t]*+\|[ \t]*(?=\n|$)", "", text).split("\n")


def _indent(ends: str) -> str:
    """Blanks before a line of code."""
    return ends.rpartition("\n")[2].strip(LINE) if "\n" in ends else ""


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Every node as it begins and as it ends; without recursion, however deep the page is."""
    stack = [(root, True)]
    while stack:
        node, entering = stack.pop()
        yield node, entering
        if entering:
            stack.append((node, False))
            stack.extend((child, True) for child in reversed(list(node.iter(include_text=True))))


def _anchor(heading: LexborNode) -> str:
    """A heading's own id, or that of a link in it."""
    inner = heading.css_first("[id]")
    return heading.attributes.get("id") or (inner.attributes.get("id") if inner is not None else None) or ""


def _title(page: LexborHTMLParser) -> str:
    node = page.css_first("title")
    return " ".join(node.text().split()) if node is not None else ""


def _link(page: LexborHTMLParser) -> str | None:
    link = _attribute(page, "link[rel=canonical]", "href") or _attribute(page, 'meta[property="og:url"]', "content")
    return link if link.startswith(("https://", "http://")) else None


def _terms(page: LexborHTMLParser) -> Terms:
    named = ("link[rel=license]", "href"), ("meta[name=license]", "content"), ('meta[name="dc.rights"]', "content")
    return Terms(licence=next(filter(None, (_attribute(page, *each) for each in named)), ""))


def _attribute(page: LexborHTMLParser, selector: str, name: str) -> str:
    node = page.css_first(selector)
    return (node.attributes.get(name) or "").strip() if node is not None else ""


def declared_encoding(raw: bytes) -> str | None:
    """What the page says in its head, if it says anything."""
    found = re.search(rb"<meta[^>]+charset\s*=\s*[\"']?([\w-]+)", raw[:4_096], re.IGNORECASE)
    return found[1].decode("ascii") if found else None
