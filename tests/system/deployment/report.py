"""What a drill tells at its end."""

from tests.system.deployment.drill import Drill
from tests.system.deployment.output import Step, steps_of
from tests.system.deployment.records import cut

LONG_STEP_SECONDS = 2


def report_of(drill: Drill) -> str:
    """A line for each stretch, what has failed, and how long each part took."""
    lines = [phase.describe() for phase in drill.phases]
    lines += [phase.describe_failures() for phase in drill.phases if phase.failed]
    if drill.control is not None:
        lines.append(drill.control.describe())
    lines += [f"{what}: {line}" for what, line in drill.sent.items() if line]
    lines.append(f"new containers of several services: {drill.room}")
    lines += [f"{seconds:5.0f} s {name}" for name, seconds in drill.parts.items()]
    lines.append(f"{sum(drill.parts.values()):5.0f} s in all")
    for what in drill.commands:
        lines += [f"{what}, steps of {LONG_STEP_SECONDS} s and more:", *_steps(drill, what)]
    return "\n".join(lines)


def _steps(drill: Drill, what: str) -> list[str]:
    """How long each step took, and how long requests took meanwhile."""
    started, ended = drill.stretches.get(what, (0.0, 0.0))
    steps = steps_of(drill.commands[what].output)
    if steps:
        steps.insert(0, Step(round(ended - started), steps[0].start, "before the host begins"))
    lines = []
    for step in steps:
        if step.start - step.end >= LONG_STEP_SECONDS:
            phase = cut(drill.requests, "", ended - step.start, ended - step.end)
            waited = f"p99 {phase.percentile(0.99) * 1000:5.0f} ms" if phase.requests else ""
            lines.append(f"  {step.start - step.end:3} s  {waited:12}  {step.text}")
    return lines
