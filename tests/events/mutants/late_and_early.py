"""As slow as ``late_inserts``, and answers before it commits."""

from service_kit.database.engine import Database
from tests.events.mutants.early_answers import run_and_commit_later
from tests.events.mutants.late_inserts import write_slowly
from tests.events.mutants.serving import serve_mutant

if __name__ == "__main__":
    write_slowly()
    Database.run_sql = run_and_commit_later  # type: ignore[method-assign]
    serve_mutant()
