"""What is read from the lines of a deployment."""

import re


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


def long_steps(output: str, least: int) -> list[str]:
    """The steps that took so many seconds or more; a line is written at the end of its step."""
    steps, before = [], 0
    for seconds, text in re.findall(r"^\[ *(\d+)s\] (.*)$", output, re.MULTILINE):
        # The host counts anew.
        took = int(seconds) - (before if int(seconds) >= before else 0)
        before = int(seconds)
        if took >= least:
            steps.append(f"{took:3} s {text}")
    return steps
