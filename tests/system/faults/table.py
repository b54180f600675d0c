"""What the faults have cost, each beside its control, at the end of a run."""

from collections.abc import Iterator
from typing import Any

import pytest

FAULT = "fault"
Tally = tuple[str, str, int, int, int]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tallies = sorted(set(_tallies(terminalreporter.stats)))
    if not tallies:
        return
    terminalreporter.section("faults: mails lost and doubled")
    wide, guard = (max(len(str(tally[i])) for tally in tallies) for i in (0, 1))
    head = (
        f"{'what happens':{wide}}  {'without':{guard}}  {'mails':>5}  {'lost':>5}  {'doubled':>7}"
    )
    terminalreporter.write_line(head)
    for what, without, mails, lost, doubled in tallies:
        line = f"{what:{wide}}  {without:{guard}}  {mails:5}  {lost:5}  {doubled:7}"
        terminalreporter.write_line(line)


def _tallies(stats: dict[str, list[Any]]) -> Iterator[Tally]:
    for outcome in ("passed", "failed"):
        for report in stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", []):
                if name == FAULT:
                    yield tuple(value)
