"""Whether what was loaded may be trained on, after its licence and consent fields. Served it may be in any case: that
was decided by whoever loaded it.
"""

import re

REFUSED = frozenset(("no", "n", "none", "false", "0", "denied", "refused", "withdrawn", "revoked", "opted out"))
"""Of a consent field, as a whole."""
FORBIDDING = re.compile(
    r"\b(?:no|not for|without) (?:ai|ml|(?:model )?training)\b|\bno ?(?:ai|train)\b|\bserv(?:e|ing) only\b"
)
"""Anywhere in either field."""
NO_DERIVATIVES = re.compile(r"\A(?>.*?\b(?:cc|by)\b).*\bnd\b|\bno ?deriv(?:ative)?s?\b")
"""Of a licence. Whether an adapter is a derivative is for lawyers to say; here it counts as one."""


def may_train(licence: str, consent: str) -> bool:
    """True unless one of the fields says otherwise; what is empty forbids nothing."""
    licence, consent = _words(licence), _words(consent)
    if consent in REFUSED or NO_DERIVATIVES.search(licence):
        return False
    return not (FORBIDDING.search(licence) or FORBIDDING.search(consent))


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
