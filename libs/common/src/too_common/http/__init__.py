"""The HTTP shell: application factory, problems, tokens, health, internal admin API."""

from too_common.auth.principal import Principal
from too_common.http.app import create_internal_app, create_public_app
from too_common.http.dependencies import Ctx, get_context, require

__all__ = [
    "Ctx",
    "Principal",
    "create_internal_app",
    "create_public_app",
    "get_context",
    "require",
]
