"""Why a waitlist entry has its status and position, in plain words."""


def explain(
    *, quantity: int, before: int, times_passed: int, is_offered: bool, is_on_sale: bool
) -> str:
    seats = "1 seat" if quantity == 1 else f"{quantity} seats"
    if is_offered:
        return f"It is your turn: {seats} {_are(quantity)} held for you until the offer ends."
    if not is_on_sale:
        return "Seats of this event are not on sale now, so that none are offered."
    if times_passed:
        groups = "A smaller group" if times_passed == 1 else f"{times_passed} smaller groups"
        return (
            f"{groups} behind you went first, because fewer than the {quantity} seats that you "
            f"wait for were free. {_turn(before)}"
        )
    return f"You wait until {seats} {_are(quantity)} free. {_turn(before)}"


def _turn(before: int) -> str:
    if before == 0:
        return "You are the first in line."
    return "1 group is before you." if before == 1 else f"{before} groups are before you."


def _are(quantity: int) -> str:
    return "is" if quantity == 1 else "are"
