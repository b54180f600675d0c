"""Which tests have more than one try, and why these and no others.

A control shows that without a guard something goes wrong. Where chance decides when it does, chance may
spare it: ``@pytest.mark.by_chance`` gives a control five tries, of which one has to show the fault. A
measure (``alone``) can be made worse by a busy machine and never better: it has three.
Whatever else fails once has failed. The run's last lines count the tries that were repeated.
"""

import pytest

from tests.alone import is_alone

MARK = "by_chance"
RERUNS_OF_A_CONTROL = 4
RERUNS_OF_A_MEASURE = 2


def add_reruns(item: pytest.Item) -> None:
    """Called for each collected test."""
    if item.get_closest_marker(MARK) is not None:
        item.add_marker(pytest.mark.flaky(reruns=RERUNS_OF_A_CONTROL))
    elif is_alone(item):
        item.add_marker(pytest.mark.flaky(reruns=RERUNS_OF_A_MEASURE))
