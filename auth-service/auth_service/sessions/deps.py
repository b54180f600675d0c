"""The dependencies that handlers take from the sessions. All are ``async``, as in ``auth_service.deps``."""

from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from auth_service.deps import SettingsDep
from auth_service.sessions.passwords import PasswordChecks
from auth_service.sessions.service import Lifetimes


async def get_password_checks(request: Request) -> PasswordChecks:
    checks: PasswordChecks = request.app.state.password_checks
    return checks


async def get_lifetimes(settings: SettingsDep) -> Lifetimes:
    return Lifetimes(
        idle=timedelta(days=settings.session_idle_days),
        absolute=timedelta(days=settings.session_days),
    )


PasswordChecksDep = Annotated[PasswordChecks, Depends(get_password_checks)]
LifetimesDep = Annotated[Lifetimes, Depends(get_lifetimes)]
