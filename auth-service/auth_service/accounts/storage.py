"""fastapi-users' database adapter without the commit: an account and the message about it are written
in the transaction of the request."""

from typing import Any, cast
from uuid import UUID

from fastapi_users.exceptions import UserAlreadyExists
from fastapi_users_db_sqlalchemy import SQLAlchemyUserDatabase
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.identity.queries import find_by_email
from auth_service.models import User
from service_kit.clock import utc_now
from service_kit.database.errors import constraint_name

EMAIL_INDEXES = {"uq_account_email_ascii", "uq_account_email"}


class UserDatabase(SQLAlchemyUserDatabase[User, UUID]):
    async def get_by_email(self, email: str) -> User | None:
        return await find_by_email(cast(AsyncSession, self.session), email)

    async def create(self, create_dict: dict[str, Any]) -> User:
        """Raises UserAlreadyExists, also when another request registers the address at the same time."""
        user = User(**create_dict)
        self.session.add(user)
        await self._flush()
        return user

    async def update(self, user: User, update_dict: dict[str, Any]) -> User:
        for key, value in update_dict.items():
            setattr(user, key, value)
        user.updated_at = utc_now()
        await self._flush()
        return user

    async def delete(self, user: User) -> None:
        await self.session.delete(user)
        await self.session.flush()

    async def _flush(self) -> None:
        try:
            await self.session.flush()
        except IntegrityError as error:
            if constraint_name(error) in EMAIL_INDEXES:
                raise UserAlreadyExists from None
            raise
