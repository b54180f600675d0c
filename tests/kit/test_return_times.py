"""Who is sent away from a crowd comes back when there is room."""

from collections import Counter

from service_kit.web.return_times import LATEST_SECONDS, ReturnTimes

ROOM = 500


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_no_more_come_back_in_a_second_than_there_is_room_for() -> None:
    clock = Clock()
    times = ReturnTimes(ROOM, clock=clock)
    told = [times.next_seconds() for _ in range(9_500)]
    assert told == sorted(told) and told[0] == 2, "first come, first served"
    assert max(Counter(told).values()) == ROOM and max(told) == 20


def test_when_the_crowd_is_gone_nobody_waits_for_it() -> None:
    clock = Clock()
    times = ReturnTimes(ROOM, clock=clock)
    for _ in range(5_000):
        times.next_seconds()
    clock.now += 5
    assert times.next_seconds() == 7, "some of them are still to come"
    clock.now += 60
    assert times.next_seconds() == 2


def test_a_crowd_without_end_makes_nobody_wait_without_end() -> None:
    clock = Clock()
    times = ReturnTimes(ROOM, clock=clock)
    told = Counter(times.next_seconds() for _ in range(100_000))
    assert max(told) == LATEST_SECONDS
    clock.now += LATEST_SECONDS
    assert times.next_seconds() == 2
