"""What ``./scripts/migrations-check`` runs: migrations give exactly what the models say."""

import asyncio

import asyncpg
import pytest

from tests.conftest import MIGRATIONS, FreshDatabase, _migrate


@pytest.mark.parametrize("service", MIGRATIONS)
async def test_migrations_and_models_agree_and_a_second_run_changes_nothing(
    fresh_database: FreshDatabase, service: str
) -> None:
    # It is migrated once already.
    url = await fresh_database(service)
    for arguments in ((), ("--check",)):
        await asyncio.to_thread(_migrate, service, url, *arguments)


@pytest.mark.parametrize("service", MIGRATIONS)
async def test_a_table_without_a_model_is_found(
    fresh_database: FreshDatabase, service: str
) -> None:
    """The negative control."""
    url = await fresh_database(service)
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1))
    await connection.execute("CREATE TABLE forgotten (id integer)")
    await connection.close()
    with pytest.raises(AssertionError, match="forgotten"):
        await asyncio.to_thread(_migrate, service, url, "--check")
