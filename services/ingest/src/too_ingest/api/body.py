"""Reading request bodies that may be large: refused as soon as they are too large."""

from fastapi import Request
from too_common.errors import InvalidError, TooLargeError


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Body of a request.

    Raises
    ------
    TooLargeError
        413, before the rest is read.
    InvalidError
        If it is empty.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > limit_bytes:
        raise TooLargeError(f"the body has {stated} bytes; at most {limit_bytes} are taken")
    body = bytearray()
    async for chunk in request.stream():
        body.extend(chunk)
        if len(body) > limit_bytes:
            raise TooLargeError(f"the body is larger than the {limit_bytes} bytes that are taken")
    if not body:
        raise InvalidError("the body is empty", code="empty")
    return bytes(body)
