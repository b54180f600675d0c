"""What is read from the lines of a deployment."""

import re
from dataclasses import dataclass


def images_line(output: str) -> str:
    """Of a deployment: what was sent of its images."""
    found = re.search(r"images: (\d+ images, .*|all images are there)", output)
    return found[0] if found else ""


def layers_sent(line: str) -> tuple[int, int] | None:
    """How many layers were sent of how many; None where all were read and sent."""
    found = re.search(r"(\d+) of (\d+) layers", line)
    return (int(found[1]), int(found[2])) if found else None


def room_line(output: str) -> str:
    """What was said of the host's room, group by group."""
    said = re.findall(r": ((?:at|not at) the same time(?:, there is room|: .*))", output)
    return "; ".join(said) or "not said"


@dataclass(frozen=True)
class Step:
    """``start`` and ``end``: seconds before the end of its command."""

    start: int
    end: int
    text: str


def steps_of(output: str) -> list[Step]:
    """A line is written at the end of its step, with the seconds since the beginning."""
    lines = [
        (int(at), text) for at, text in re.findall(r"^\[ *(\d+)s\] (.*)$", output, re.MULTILINE)
    ]
    steps: list[Step] = []
    # The host counts anew: what is before that has another clock, and is left out.
    anew = max((n for n in range(1, len(lines)) if lines[n][0] < lines[n - 1][0]), default=0)
    before, last = 0, lines[-1][0] if lines else 0
    for at, text in lines[anew:]:
        steps.append(Step(last - before, last - at, text))
        before = at
    return steps
