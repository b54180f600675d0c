"""The application of event-service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_cache import FastAPICache

from event_service.attendees.router import router as attendees
from event_service.bookings.create import new_desk
from event_service.bookings.router import router as bookings
from event_service.bookings.tickets_router import router as tickets
from event_service.bookings.waitlist.queries import count_waiting
from event_service.bookings.waitlist.router import own_router as own_waitlist
from event_service.bookings.waitlist.router import router as waitlist
from event_service.cache import TAG_PREFIX, StoreBackend, TagVersions
from event_service.checkin.router import router as check_ins
from event_service.doors.router import router as doors
from event_service.erasures.router import router as erasures
from event_service.events.administration_router import router as event_administration
from event_service.events.desk_router import router as event_desk
from event_service.events.drafts import new_write_locks
from event_service.events.organizer_messages import oldest_unwritten_seconds
from event_service.events.organizer_router import router as organizer_messages
from event_service.events.pages import Pages
from event_service.events.representation import FORM
from event_service.events.router import router as events
from event_service.events.seat_states import SeatStatesCache
from event_service.graphql.router import page_router as graphiql
from event_service.graphql.router import router as graphql
from event_service.halls.router import router as halls
from event_service.images.convert import ImageConverter
from event_service.images.router import IMAGE_PATH
from event_service.images.router import router as images
from event_service.metrics import OF_API
from event_service.models import ErasedUser, OutboxMessage
from event_service.operations.router import router as operations
from event_service.own_data.router import router as own_data
from event_service.page_store import PageStore
from event_service.privacy.router import router as privacy
from event_service.sales.router import router as sales
from event_service.settings import Settings
from event_service.web.away import PagesForPeople
from event_service.web.door import router as door_page
from event_service.web.page_worker import router as page_worker
from event_service.web.router import router as web
from event_service.web.static import router as static
from service_kit.messaging.contacts import ContactClient
from service_kit.messaging.outbox_gauge import watch_outbox
from service_kit.messaging.service_client import ServiceClient
from service_kit.observability.gauges import watch_in_database
from service_kit.redis_clients import AcceleratorRedis
from service_kit.settings import load_settings
from service_kit.web.app import create_service
from service_kit.web.bodies import LargeBody
from service_kit.web.erasures import watch_erasures
from service_kit.web.server import freeze_gc

# An organizer would rather see bookings without addresses than wait for them.
CONTACTS_TIMEOUT_SECONDS = 2.0

# In the order in which a request is compared with them: the busiest first.
ROUTERS = [
    bookings,
    # /events/all before /events/{event_id}
    event_administration,
    events,
    waitlist,
    own_waitlist,
    attendees,
    sales,
    images,
    check_ins,
    doors,
    organizer_messages,
    event_desk,
    halls,
    own_data,
    erasures,
    operations,
    privacy,
    tickets,
    graphql,
    door_page,
    page_worker,
    static,
    # Last: it has a page for whatever path is nobody's.
    web,
]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    redis = AcceleratorRedis(settings.cache_redis_url.get_secret_value())
    versions = TagVersions(redis, prefix=TAG_PREFIX)
    prefix = f"{TAG_PREFIX}:page:{FORM}"
    FastAPICache.init(StoreBackend(), prefix=prefix, expire=settings.cache_seconds)
    store = PageStore(redis, max_age_seconds=settings.cache_seconds)
    app.state.pages = Pages(app.state.database, store, versions)
    app.state.booking_desk = new_desk(app.state.database, settings)
    app.state.seat_states = SeatStatesCache(app.state.database)
    app.state.images = ImageConverter(
        max_pixels=settings.max_image_pixels,
        patience_seconds=settings.database_pool_timeout_seconds,
    )
    app.state.write_locks = new_write_locks()
    app.state.service_client = ServiceClient(settings, app.state.http)
    app.state.contacts = ContactClient(
        app.state.service_client,
        settings.auth_service_url,
        timeout_seconds=CONTACTS_TIMEOUT_SECONDS,
    )
    # Sessions carry the versions: ``touch_event`` bumps them after the commit.
    app.state.database.sessions.configure(info={"tag_versions": versions})
    try:
        async with (
            watch_outbox(app.state, OutboxMessage),
            watch_in_database(
                app.state,
                "organizer_messages_oldest_unwritten_seconds",
                "Age of the oldest organizer's message that not every guest has.",
                oldest_unwritten_seconds,
            ),
            watch_in_database(
                app.state,
                "waitlist_waiting_entries",
                "Entries of waitlists that have no offer.",
                count_waiting,
            ),
            watch_erasures(app.state, ErasedUser),
        ):
            yield
    finally:
        await redis.close()


def create_app(settings: Settings) -> FastAPI:
    app = create_service(
        "event-service",
        settings,
        title="Parterre event-service",
        description="Events, seats and bookings.",
        routers=[*ROUTERS, graphiql] if settings.is_development else ROUTERS,
        lifespan=lifespan,
        large_bodies=[LargeBody("PUT", IMAGE_PATH, settings.max_image_bytes)],
        own_metrics=OF_API,
    )
    app.add_middleware(PagesForPeople, settings=settings)
    return app


def app() -> FastAPI:
    """For uvicorn: ``event_service.main:app`` as a factory."""
    return freeze_gc(create_app(load_settings(Settings)))
