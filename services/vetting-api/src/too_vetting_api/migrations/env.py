"""Alembic environment of vetting-api's schema."""

from too_common.db.migrate import run_env

run_env()
