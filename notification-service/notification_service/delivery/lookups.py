"""What the mails of a batch need from other places, asked for once per batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from notification_service.delivery.allowances import AllowanceRequest, Allowances
from notification_service.delivery.claim import Claim
from notification_service.delivery.contacts import Contact
from notification_service.delivery.context import WorkerContext
from notification_service.delivery.outcome import Outcome
from notification_service.delivery.recipients import choose_address
from notification_service.delivery.versions import NewerEvents, newer_events
from service_kit.messaging.service_client import ServiceUnavailable

# None: there is no such account (any more). A missing user has not been asked about.
ContactsByUser = Mapping[UUID, Contact | None]


@dataclass(frozen=True, slots=True)
class Lookups:
    allowances: Allowances
    contacts_by_user: ContactsByUser = field(default_factory=dict)
    newer_events: NewerEvents = field(default_factory=dict)


async def look_up(context: WorkerContext, claims: Sequence[Claim]) -> Lookups:
    """Contacts, newer events and allowances, each with one statement or request for all claims."""
    settings = context.settings
    allowances = Allowances(
        settings.mails_per_address_per_hour, settings.service_client_secret.get_secret_value()
    )
    contacts = await _contacts(context, claims) if len(claims) > 1 else {}
    async with context.sql() as connection:
        newer = await newer_events(connection, claims)
        await allowances.take(connection, _requests(claims, contacts))
    return Lookups(allowances, contacts, newer)


async def _contacts(context: WorkerContext, claims: Sequence[Claim]) -> ContactsByUser:
    try:
        return await context.contacts.find_many({claim.user_id for claim in claims})
    except ServiceUnavailable:
        # Each mail asks again by itself and records the failure.
        return {}


def _requests(claims: Sequence[Claim], contacts: ContactsByUser) -> list[AllowanceRequest]:
    requests = []
    for claim in claims:
        contact = contacts.get(claim.user_id)
        if contact is None or claim.payload is None:
            continue
        address = choose_address(claim.payload, contact)
        if not isinstance(address, Outcome):
            requests.append(AllowanceRequest(claim, contact, address))
    return requests
