"""Who waits, as the organizer of an event sees it."""

from collections.abc import Callable

import httpx
from fastapi import FastAPI

from tests.events.conftest import Json, Publish, User, problem
from tests.events.test_attendees import Accounts, accounts
from tests.events.waitlist import cancel, join, let_lapse, sweep

__all__ = ["accounts"]

MakeUser = Callable[..., User]


async def entries(organizer: User, event: Json, query: str = "") -> Json:
    answer = await organizer.get(f"/events/{event['id']}/waitlist/entries{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    page: Json = answer.json()
    return page


async def test_entries_come_in_order_with_those_that_have_an_offer(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish, accounts: Accounts
) -> None:
    event = await published(capacity=2, max_seats_per_user=2)
    holder = user()
    bookings = [(await holder.book(event)).json() for _ in range(2)]
    people = [user(name="Ada"), user(), user()]
    for person, name in zip(people, ("Ada L.", "Grace", None), strict=True):
        accounts.add(person, name)
    await join(people[0], event, 2)
    for person in people[1:]:
        await join(person, event, 1)
    await cancel(holder, bookings[0])
    await sweep(app)
    items = (await entries(organizer, event))["items"]
    assert [(one["user_id"], one["status"], one["position"], one["quantity"]) for one in items] == [
        (str(people[0].id), "waiting", 1, 2),
        (str(people[1].id), "offered", 0, 1),
        (str(people[2].id), "waiting", 2, 1),
    ]
    assert [one["guest"]["name"] for one in items] == ["Ada", "Grace", None]
    assert items[0]["guest"]["email"] == f"{people[0].id.hex}@example.com"
    offer = items[1]["offer"]
    assert set(offer) == {"booking_id", "expires_at"} and items[0]["offer"] is None
    await let_lapse(app, offer["booking_id"])
    left = (await entries(organizer, event))["items"]
    assert [one["user_id"] for one in left] == [str(people[0].id), str(people[2].id)]
    accounts.is_away = True
    [first, _] = (await entries(organizer, event))["items"]
    assert first["guest"] == {"name": "Ada", "email": None}


async def test_a_later_page_goes_on_with_the_positions(
    organizer: User, user: MakeUser, published: Publish, accounts: Accounts
) -> None:
    event = await published(capacity=1)
    await user().book(event)
    people = [user() for _ in range(5)]
    for person in people:
        await join(person, event)
    seen, query = [], "?limit=2"
    while query:
        page = await entries(organizer, event, query)
        seen += [(one["user_id"], one["position"]) for one in page["items"]]
        query = page["next_cursor"] and f"?limit=2&cursor={page['next_cursor']}"
    assert seen == [(str(person.id), index) for index, person in enumerate(people, start=1)]


async def test_only_the_organizer_and_superusers_see_who_waits(
    organizer: User,
    user: MakeUser,
    anybody: httpx.AsyncClient,
    published: Publish,
    accounts: Accounts,
) -> None:
    event = await published(capacity=1)
    url = f"/events/{event['id']}/waitlist/entries"
    assert problem(await user().get(url)) == (403, "forbidden")
    assert problem(await anybody.get(url)) == (401, "not-authenticated")
    assert problem(await organizer.get(f"{url}?cursor=forged")) == (422, "invalid-request")
    for someone in (organizer, user(superuser=True)):
        assert (await entries(someone, event))["items"] == []
