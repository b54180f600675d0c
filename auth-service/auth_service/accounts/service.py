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
from auth_service.models import User
from auth_service.problems import AlreadyVerified, BadToken, EmailTaken


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turns fastapi-users' exceptions into problems of the API."""
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
    with translate_errors():
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
    with translate_errors():
        return await manager.verify(token)


async def reset_password(manager: UserManager, token: str, password: str) -> User:
    with translate_errors():
        claims = manager.read_reset_token(token)
    await manager.prepare_password(password, str(claims.get("email", "")))
    with translate_errors():
        return await manager.reset_password(token, password)
