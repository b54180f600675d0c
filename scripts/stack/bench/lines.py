"""What is printed: a figure, what it was measured against in the same run, and what is wanted."""

import operator
from dataclasses import dataclass

_COMPARISONS = {">=": operator.ge, "<=": operator.le, "=": operator.eq}


@dataclass
class Line:
    """One figure: ``value`` against ``against``, both measured in this run, as a ratio."""

    name: str
    value: float
    against: float
    unit: str
    wanted: str
    ratio: float
    is_met: bool


def line(name: str, value: float, against: float, unit: str, wanted: str = "") -> Line:
    """``wanted`` is what is promised of the ratio, such as ``>= 0.5``; by default nothing."""
    ratio = value / against
    sign, _, target = wanted.partition(" ")
    is_met = not wanted or _COMPARISONS[sign](ratio, float(target))
    return Line(name, value, against, unit, wanted, ratio, is_met)


def show(lines: list[Line]) -> None:
    width = max(len(line.name) for line in lines)
    print(f"\n{'what, against what'.ljust(width)}  {'value':>14}  {'against':>14}  ratio  wanted")
    for line in lines:
        value, against = (f"{n:,.1f} {line.unit}" for n in (line.value, line.against))
        mark = "" if line.is_met else "   missed"
        print(
            f"{line.name.ljust(width)}  {value:>14}  {against:>14}  {line.ratio:5.2f}  "
            f"{line.wanted}{mark}"
        )
