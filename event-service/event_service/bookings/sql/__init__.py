"""The statements of bookings: each file holds those of one step, and asyncpg runs them."""

from event_service.rules import HAS_LAPSED, IS_ACTIVE, IS_FREE, IS_ON_SALE, STATUS_NOW
from service_kit.database.bulk_inserts import NEW_ID_IN_SQL
from service_kit.database.sql_files import load

statements = load(
    __name__,
    HAS_LAPSED=HAS_LAPSED,
    IS_ACTIVE=IS_ACTIVE,
    IS_FREE=IS_FREE,
    IS_ON_SALE=IS_ON_SALE,
    NEW_ID=NEW_ID_IN_SQL,
    STATUS_NOW=STATUS_NOW,
)
