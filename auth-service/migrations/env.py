"""Run by ``python -m auth_service.migrate``."""

from auth_service import models
from service_kit.database.migrations import run_environment

run_environment(models.Base.metadata)
