"""Alembic's environment; what it does stands in `too_common.db.migrate`."""

from too_common.db.migrate import run_env

run_env()
