"""The statements of doors; asyncpg runs them."""

from event_service.rules import IS_CONFIRMED
from service_kit.database.sql_files import load

statements = load(__name__, IS_CONFIRMED=IS_CONFIRMED)
