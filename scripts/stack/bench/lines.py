"""What is printed: a figure, what it was measured against in the same run, and what is wanted."""

from dataclasses import dataclass


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


def at_least(name: str, value: float, against: float, unit: str, target: float) -> Line:
    ratio = value / against
    return Line(name, value, against, unit, f">= {target:g}", ratio, ratio >= target)


def at_most(name: str, value: float, against: float, unit: str, target: float) -> Line:
    ratio = value / against
    return Line(name, value, against, unit, f"<= {target:g}", ratio, ratio <= target)


def exactly(name: str, value: float, against: float, unit: str) -> Line:
    return Line(name, value, against, unit, "= 1", value / against, value == against)


def only_told(name: str, value: float, against: float, unit: str) -> Line:
    """A figure that nothing is promised of."""
    return Line(name, value, against, unit, "", value / against, True)


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
