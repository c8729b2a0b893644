"""`mentee bench privacy`: measures redaction on invented sentences, and prints what it finds, misses and wrongs."""

from rich.table import Table

from bot.errors import SettingError
from deploy import shown
from deploy.bench.privacy.measures import Measured, kinds_of, measure

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
    if as_json:
        shown.data(_values(measured), "", as_json=True)
        return
    title = f"Redaction, {split} templates, {len(LOCALES)} locales, written {', '.join(STYLES)}"
    table = Table("", "found", "of", "share", "surely between", "target", title=title)
    for name, share in measured.summary():
        low, high = share.bounds
        target = "≤ 0.020" if name == CLEAN else TARGETS.get(name, "")
        table.add_row(name, str(share.hits), str(share.of), f"{share.value:.4f}", f"{low:.4f} … {high:.4f}", target)
    shown.out.print(table)
    p50, p99, most = (measured.quantile(q) for q in (0.5, 0.99, 1.0))
    shown.out.print(f"p50 {p50:.2f} ms, p99 {p99:.2f} ms ({P99}), longest {most:.1f} ms a sentence.")


def _values(measured: Measured) -> dict[str, object]:
    rows = {name.strip(): {"found": share.hits, "of": share.of} for name, share in measured.summary()}
    times = {f"p{q}_ms": measured.quantile(q / 100) for q in (50, 99)}
    return {**rows, **times, "taken_wrongly": kinds_of(measured.wronged)}
