"""Alembic environment of planner's schema."""

from too_common.db.migrate import run_env

run_env()
