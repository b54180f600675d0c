"""The statements that sum up what an event has sold; asyncpg runs them."""

from event_service.rules import IS_CONFIRMED, IS_HELD
from service_kit.database.sql_files import load

statements = load(__name__, IS_CONFIRMED=IS_CONFIRMED, IS_HELD=IS_HELD)
