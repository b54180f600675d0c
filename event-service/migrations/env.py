"""Run by ``python -m event_service.migrate``."""

from event_service import models
from service_kit.database.migrations import run_environment

run_environment(models.Base.metadata)
