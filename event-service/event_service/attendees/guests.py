"""Names and addresses of guests, which only auth-service has: asked for a page at a time."""

from collections.abc import Collection, Mapping
from uuid import UUID

import structlog

from event_service.bookings.representation import Json
from service_kit.messaging.contacts import Contact, ContactClient
from service_kit.messaging.service_client import ServiceUnavailable

Contacts = Mapping[UUID, Contact | None]

log = structlog.get_logger()


async def find_contacts(client: ContactClient, user_ids: Collection[UUID]) -> Contacts:
    """Contact data by user; empty while auth-service does not answer."""
    try:
        return await client.find_many(user_ids)
    except ServiceUnavailable as error:
        log.warning("guests.contacts_unavailable", reason=str(error))
        return {}


async def add_guests(client: ContactClient, items: list[Json]) -> None:
    """Adds ``guest`` (GuestPublic) to what has ``user_id`` and ``guest_name``."""
    contacts = await find_contacts(client, {item["user_id"] for item in items})
    for item in items:
        contact = contacts.get(item["user_id"])
        item["guest"] = {
            "name": guest_name(item["guest_name"], contact),
            "email": contact.email if contact else None,
        }


def guest_name(name: str | None, contact: Contact | None) -> str | None:
    """As the booking says, else as the account's profile says."""
    return name or (contact.full_name if contact else None) or None
