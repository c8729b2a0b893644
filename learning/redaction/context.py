"""What stands around a number says what it is: "call me on …" or "order no. …"."""

import re

BEFORE, AFTER = 48, 28


def words(*alternatives: str) -> re.Pattern[str]:
    """Any of the words, or words that begin like them."""
    return re.compile(rf"(?<![^\W\d_])(?:{'|'.join(alternatives)})", re.IGNORECASE)


OTHER_NUMBERS = words(
    "order", "invoice", "ticket", "version", "release", "build", "issue", "case", "ref", "sku", "part", "serial",
    "tracking", "parcel", r"ids\b", r"(?:digit|promo|discount|exit) code", "commit", "error", "status", "port", "room",
    "coupon", "voucher", "booking", "item", "user", "score", "points?", "digest", "flight", "job", "request", "row",
    "rounded", "amount", "total", "price", "bestell", "rechnung", "auftrag", "kundennummer", "commande", "facture",
    "pedido", "factura", "ordine", "fattura", "fatura", "zamówieni", "faktur", r"[$€£#]",
)  # fmt: skip


def nearest(text: str, start: int, end: int, meant: re.Pattern[str], other: re.Pattern[str] = OTHER_NUMBERS) -> bool:
    """True when a word of what is meant stands close by, and nothing else is named in between."""
    before = text[max(0, start - BEFORE) : start]
    place = _last(meant, before)
    if place >= 0:
        return place >= _last(other, before)
    return _last(other, before) < 0 and meant.search(text[end : end + AFTER]) is not None


def is_other(text: str, start: int) -> bool:
    """True when the number is said to be something that nobody has to hide."""
    return _last(OTHER_NUMBERS, text[max(0, start - BEFORE // 2) : start]) >= 0


def _last(pattern: re.Pattern[str], text: str) -> int:
    return max((match.start() for match in pattern.finditer(text)), default=-1)
