"""What is printed: a figure, what it was measured against in the same run, and what is wanted."""

import operator
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from statistics import mean
from typing import Any

_COMPARISONS = {">=": operator.ge, "<=": operator.le, "=": operator.eq}


@dataclass
class Line:
    """One figure: ``value`` against ``against``, both measured in this run, as a ratio."""

    name: str
    value: float
    against: float
    unit: str
    # What is promised of the ratio, such as ``>= 0.5``; and of the value against that of the revision
    # with which it is compared.
    wanted: str = ""
    than_before: str = ""
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.value / self.against if self.against else float("nan")

    @property
    def is_met(self) -> bool:
        sign, _, target = self.wanted.partition(" ")
        return not self.wanted or _COMPARISONS[sign](self.ratio, float(target))

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.ratio, "is_met": self.is_met}


def by_turns(turns: int, *sides: Callable[[], float]) -> Iterator[float]:
    """The mean of each side; they are measured by turns, every second time backwards, so that what
    the machine does meanwhile falls on all."""
    values: dict[Callable[[], float], list[float]] = {side: [] for side in sides}
    for turn in range(turns):
        for side in sides[:: -1 if turn % 2 else 1]:
            values[side].append(side())
    return map(mean, values.values())


def averaged(runs: list[list[Line]]) -> list[Line]:
    """The same figures of several runs, as their means."""
    return [
        replace(
            same[0],
            value=mean(line.value for line in same),
            against=mean(line.against for line in same),
            note="; ".join(line.note for line in same if line.note),
        )
        for same in zip(*runs, strict=True)
    ]


def against(lines: list[Line], before: list[Line]) -> list[Line]:
    """Each value against the other revision's value."""
    pairs = zip(lines, before, strict=True)
    return [
        Line(new.name.split(", ")[0], new.value, old.value, new.unit, new.than_before)
        for new, old in pairs
    ]


def show(lines: list[Line], title: str = "what, against what") -> None:
    width = max(len(title), *(len(line.name) for line in lines))
    print(f"\n{title.ljust(width)}  {'value':>14}  {'against':>14}  ratio  wanted")
    for line in lines:
        value, against = (f"{n:,.{_digits(n)}f} {line.unit}" for n in (line.value, line.against))
        mark = ("" if line.is_met else "   missed") + (line.note and f"   {line.note}")
        print(
            f"{line.name.ljust(width)}  {value:>14}  {against:>14}  {line.ratio:5.2f}  "
            f"{line.wanted}{mark}"
        )


def _digits(number: float) -> int:
    return 2 if abs(number) < 10 else 1
