"""Mails that anybody can request for an address: verification and password reset.

The HTTP request only stores the address, so that it takes the same time with and without an account.
The relay's process looks up the account and sends the mail, at most one of a kind per
``MAIL_COALESCE_SECONDS``.
"""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.audit.service import Action, record
from auth_service.client_info import ClientInfo
from auth_service.identity.credentials import can_have_password
from auth_service.identity.queries import find_by_email, lock_user
from auth_service.mails import messages
from auth_service.models import MailRequest, User
from service_kit.clock import utc_now
from service_kit.database.engine import Database

MailKind = Literal["verify-email", "reset-password"]
BATCH = 50


async def request_mail(
    session: AsyncSession, kind: MailKind, email: str, *, client_info: ClientInfo
) -> None:
    """Stores one row per address and kind, however often it is requested before the relay reads it."""
    await session.execute(
        insert(MailRequest)
        .values(
            email=email,
            kind=kind,
            requested_at=utc_now(),
            client_info={"address": client_info.address, "user_agent": client_info.user_agent},
        )
        .on_conflict_do_nothing()
    )


async def process_mail_requests(database: Database, *, coalesce: timedelta) -> int:
    """Processes a batch; returns its size."""
    async with database.transaction() as session:
        rows = await session.exec(
            select(MailRequest)
            .order_by(col(MailRequest.requested_at))
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        requests = rows.all()
        for request in requests:
            await _process(session, request, coalesce=coalesce)
            await session.delete(request)
    return len(requests)


async def _process(session: AsyncSession, request: MailRequest, *, coalesce: timedelta) -> None:
    account = await find_by_email(session, request.email)
    user = await lock_user(session, account.id) if account else None
    if user is None or not user.is_active:
        return
    now = utc_now()
    if request.kind == "reset-password" and not can_have_password(user):
        return
    if request.kind == "reset-password":
        _send_reset(session, user, request, now=now, coalesce=coalesce)
    elif is_due(user.verification_mail_at, now, coalesce):
        _send_verification(session, user, now=now)


def is_due(latest: datetime | None, now: datetime, coalesce: timedelta) -> bool:
    return latest is None or now - latest >= coalesce


def _send_reset(
    session: AsyncSession,
    user: User,
    request: MailRequest,
    *,
    now: datetime,
    coalesce: timedelta,
) -> None:
    client_info = ClientInfo(request.client_info["address"], request.client_info["user_agent"])
    record(session, Action.PASSWORD_RESET_ASKED, user_id=user.id, client_info=client_info)
    if is_due(user.reset_mail_at, now, coalesce):
        user.reset_mail_at = now
        session.add(messages.reset_mail(user.id, version=user.credentials_version, now=now))


def _send_verification(session: AsyncSession, user: User, *, now: datetime) -> None:
    if user.is_verified and not user.pending_email:
        return
    user.verification_mail_at = now
    topic = "user.verification-requested.v1"
    address: messages.Address = "pending" if user.is_verified else "current"
    session.add(
        messages.verification_mail(
            user.id, topic=topic, address=address, version=user.credentials_version, now=now
        )
    )
