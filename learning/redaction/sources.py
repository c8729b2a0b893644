"""Help pages and FAQ entries without what is nobody's to publish. Knows nothing of how it is found."""

from collections.abc import Callable
from dataclasses import replace

from learning.sources.faq_csv import FaqRow
from learning.sources.files import Found

Redact = Callable[[str], str]


def redacted(found: Found, redact: Redact) -> Found:
    """What was read, with every text redacted. Keys stay: they make an entry the same next time."""
    pages = [
        replace(page, sections=tuple(replace(section, text=redact(section.text)) for section in page.sections))
        for page in found.pages
    ]
    faqs = [replace(faq, rows=tuple(_row(row, redact) for row in faq.rows)) for faq in found.faqs]
    return replace(found, pages=pages, faqs=faqs)


def _row(row: FaqRow, redact: Redact) -> FaqRow:
    return replace(row, question=redact(row.question), answer=redact(row.answer))
