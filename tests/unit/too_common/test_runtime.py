"""What a service's process does before it serves."""

import gc

from fastapi import FastAPI
from too_common.runtime import settle


def test_what_exists_at_the_start_is_neither_built_nor_collected_later():
    app = FastAPI()

    @app.get("/thing")
    async def thing() -> dict[str, str]:
        return {}

    try:
        settle(app)
        assert gc.get_freeze_count() > 0
        assert app.openapi_schema is not None
        assert "/thing" in app.openapi_schema["paths"]
    finally:
        gc.unfreeze()
