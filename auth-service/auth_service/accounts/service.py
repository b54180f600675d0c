"""Registering, verifying an address, and resetting a password."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi_users.exceptions import (
    InvalidResetPasswordToken,
    InvalidVerifyToken,
    UserAlreadyExists,
    UserAlreadyVerified,
    UserInactive,
    UserNotExists,
)

from auth_service.accounts.manager import UserManager
from auth_service.accounts.schemas import AccountCreate, Registration
from auth_service.errors import AlreadyVerified, BadToken, EmailTaken
from auth_service.models import User


@contextmanager
def own_problems() -> Iterator[None]:
    """fastapi-users' exceptions as the answers that the API promises."""
    try:
        yield
    except UserAlreadyExists:
        raise EmailTaken from None
    except UserAlreadyVerified:
        raise AlreadyVerified from None
    except (InvalidVerifyToken, InvalidResetPasswordToken, UserInactive, UserNotExists):
        raise BadToken from None


async def register(manager: UserManager, registration: Registration) -> User:
    manager.refuse_unreachable(registration.email)
    await manager.prepare_password(registration.password, registration.email)
    with own_problems():
        return await manager.create(
            AccountCreate(
                email=registration.email,
                password=registration.password,
                full_name=registration.full_name,
                locale=registration.locale,
            ),
            safe=True,
        )


async def verify(manager: UserManager, token: str) -> User:
    with own_problems():
        return await manager.verify(token)


async def reset_password(manager: UserManager, token: str, password: str) -> User:
    with own_problems():
        claims = manager.read_reset_token(token)
    await manager.prepare_password(password, str(claims.get("email", "")))
    with own_problems():
        return await manager.reset_password(token, password)
