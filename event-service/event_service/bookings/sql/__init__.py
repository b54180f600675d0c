"""The statements of bookings: each file holds those of one step, and asyncpg runs them."""

from event_service.rules import HAS_LAPSED, IS_FREE, IS_ON_SALE
from service_kit.database.sql_files import load

statements = load(__name__, IS_FREE=IS_FREE, IS_ON_SALE=IS_ON_SALE, HAS_LAPSED=HAS_LAPSED)
