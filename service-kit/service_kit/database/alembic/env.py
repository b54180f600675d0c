"""Run by Alembic, for the service that ``alembic_config`` names."""

from service_kit.database.migrations import run_environment

run_environment()
