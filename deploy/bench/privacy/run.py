"""`mentee bench privacy`: measures redaction on invented sentences, and prints what it finds, misses and wrongs."""

from collections.abc import Sequence
from importlib.util import find_spec

from rich.table import Table

from bot.errors import SettingError
from deploy import shown
from deploy.bench.privacy.measures import Measured, kinds_of, measure
from deploy.bench.privacy.samples import NAMES, Sample
from deploy.settings import read_settings
from learning.redaction.finder import Finder

TARGETS = {"structured": "≥ 0.990", "names, as written": "≥ 0.970", "names, lower case": "≥ 0.950"}
CLEAN, P99 = "clean sentences touched", "≤ 50 ms"
ROUNDS = 3
"""Values in each template, locale and style."""


def run(split: str, *, as_json: bool) -> None:
    """Raises SettingError where Faker is not installed."""
    try:
        from deploy.bench.privacy.samples import LOCALES, STYLES, clean, personal
    except ModuleNotFoundError as problem:
        raise SettingError(f"{problem}. Install it: pip install -e '.[bench]'") from problem
    samples, roster = personal(split, ROUNDS)
    measured = measure(samples, roster, clean(split, ROUNDS))
    unknown = _unknown(samples, clean(split, ROUNDS))
    if as_json:
        others = {name: _values(each) for name, each in unknown.items()}
        shown.data({**_values(measured), **others}, "", as_json=True)
        return
    title = f"Redaction, {split} templates, {len(LOCALES)} locales, written {', '.join(STYLES)}"
    table = Table("", "found", "of", "share", "surely between", "target", title=title)
    for name, share in measured.summary():
        low, high = share.bounds
        target = "≤ 0.020" if name == CLEAN else TARGETS.get(name, "")
        table.add_row(name, str(share.hits), str(share.of), f"{share.value:.4f}", f"{low:.4f} … {high:.4f}", target)
    for name, each in unknown.items():
        for row, share in each.summary():
            if share.of and (row.startswith("names,") or row == CLEAN):
                low, high = share.bounds
                values = (str(share.hits), str(share.of), f"{share.value:.4f}", f"{low:.4f} … {high:.4f}")
                table.add_row(f"{name}: {row}", *values, "≤ 0.020" if row == CLEAN else "")
    shown.out.print(table)
    p50, p99, most = (measured.quantile(q) for q in (0.5, 0.99, 1.0))
    shown.out.print(f"p50 {p50:.2f} ms, p99 {p99:.2f} ms ({P99}), longest {most:.1f} ms a sentence.")
    for name, each in unknown.items():
        p50, p99 = each.quantile(0.5), each.quantile(0.99)
        shown.out.print(f"{name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms a sentence.")


def _unknown(samples: Sequence[Sample], harmless: Sequence[Sample]) -> dict[str, Measured]:
    """Names that are on no roster, by rules alone; and by the model of the extra `names`, where that is installed."""
    named = [sample for sample in samples if any(piece.slot in NAMES for piece in sample.pieces)]
    found = {"no roster": measure(named, (), ())}
    if find_spec("spacy") is not None:
        from learning.redaction.tagging import resolve_tagger

        finder = Finder(resolve_tagger(read_settings().cache_dir).find)
        found["no roster, with the model"] = measure(named, (), harmless, finder)
    return found


def _values(measured: Measured) -> dict[str, object]:
    rows = {name.strip(): {"found": share.hits, "of": share.of} for name, share in measured.summary()}
    times = {f"p{q}_ms": measured.quantile(q / 100) for q in (50, 99)}
    return {**rows, **times, "taken_wrongly": kinds_of(measured.wronged)}
