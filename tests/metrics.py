"""What a process shows to Prometheus, and what deploy/MONITORING.md says of it."""

import re
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[1]
UNITS = ("seconds", "bytes", "requests", "connections", "entries", "processes", "timestamp")
# Gauges from before, whose last word is what they count; and a state, which is 0 or 1.
OLD_NAMES = {
    "notifications_unsent", "notifications_held_back", "notifications_failed",
    "notifications_queue_length", "circuit_breaker_open",
}  # fmt: skip
# A value that nobody has typed: a word, a route, a status, a function's name.
LABEL_VALUE = re.compile(
    r"|[a-z][a-z_.-]{0,60}|[A-Z]{3,7}|\((none|other)\)|[1-5]\d\d|/[a-zA-Z0-9/{}_.:-]*|[\w.<>]+"
)
PERSONAL = re.compile(r"@|[0-9a-f]{8}-[0-9a-f]{4}-|\d{1,3}\.\d{1,3}\.\d{1,3}\.|[0-9a-f]{16}")
MAX_SERIES = 1_000
Sample = tuple[str, tuple[tuple[str, str], ...]]


def families(text: str) -> list[Metric]:
    return [family for family in text_string_to_metric_families(text)]


def full_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def documented(*sections: str) -> dict[str, tuple[str, set[str]]]:
    """Name: type and labels, from the tables under the named headings."""
    text = (ROOT / "deploy" / "MONITORING.md").read_text()
    tables: dict[str, tuple[str, set[str]]] = {}
    for section in sections:
        found = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        assert found, section
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \|(.*?)\| .+ \|$", found[1], re.M)
        assert rows, section
        for name, kind, labels in rows:
            tables[name] = (kind, set(re.findall(r"`(\w+)`", labels)))
            if labels.strip() == "the same":
                tables[name] = (kind, tables[rows[[r[0] for r in rows].index(name) - 1][0]][1])
    return tables


def bad_names(found: Iterable[Metric]) -> list[str]:
    """Names and labels that break the rules."""
    bad = []
    for family in found:
        name = full_name(family)
        if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name):
            bad.append(f"{name}: not words in small letters")
        if family.type != "counter" and not name.endswith(UNITS) and name not in OLD_NAMES:
            bad.append(f"{name}: no unit")
        if not family.documentation.strip():
            bad.append(f"{name}: no help text")
        if len({tuple(sorted(sample.labels.items())) for sample in family.samples}) > MAX_SERIES:
            bad.append(f"{name}: too many series")
        values = {v for s in family.samples for k, v in s.labels.items() if k not in ("le", "pid")}
        bad += [
            f"{name}: label value {value}"
            for value in sorted(values)
            if not LABEL_VALUE.fullmatch(value) or PERSONAL.search(value)
        ]
    return bad


def differences(found: Iterable[Metric], table: dict[str, tuple[str, set[str]]]) -> list[str]:
    """What is shown and not described, described and not shown, or described otherwise."""
    shown = {full_name(family): family for family in found}
    bad = [f"{name}: not described" for name in shown.keys() - table.keys()]
    bad += [f"{name}: not shown" for name in table.keys() - shown.keys()]
    for name in shown.keys() & table.keys():
        kind, labels = table[name]
        family = shown[name]
        used = {k for s in family.samples for k in s.labels} - {"le", "pid"}
        if family.type != kind or (family.samples and used != labels):
            bad.append(f"{name}: shown as {family.type} with {sorted(used)}")
    return sorted(bad)


def values(text: str) -> dict[Sample, float]:
    """Every sample with a value: of histograms their counts."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families(text)
        for sample in family.samples
        if not sample.name.endswith(("_created", "_bucket"))
    }


def moved(before: str, after: str) -> dict[str, float]:
    """By how much each sample has changed, written as Prometheus does with its labels' values."""
    old, new = values(before), values(after)
    changes = {key: value - old.get(key, 0.0) for key, value in new.items()}
    return {
        name + (f"{{{','.join(value for _, value in labels)}}}" if labels else ""): change
        for (name, labels), change in changes.items()
        if change
    }
