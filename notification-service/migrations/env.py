"""Run by ``python -m notification_service.migrate``."""

from notification_service import models
from service_kit.database.migrations import run_environment

run_environment(models.Notification.metadata)
