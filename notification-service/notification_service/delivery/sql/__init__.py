"""The statements of delivery: each file holds those of one module, and asyncpg runs them."""

from notification_service.delivery.tables import IS_CHANGE
from notification_service.models import UNSENT
from service_kit.database.sql_files import load

statements = load(__name__, UNSENT=UNSENT, IS_CHANGE=IS_CHANGE)
