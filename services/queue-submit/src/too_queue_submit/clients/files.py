"""Executed exposures as files in a folder of ours: for telescopes that report by hand."""

import asyncio
from pathlib import Path

from too_common.contracts.queue_submit import ExecutedExposure
from too_common.errors import PermanentError, TransientError

from too_queue_submit.telescopes.records import file_exposures

MAX_FILES = 1000


async def read_folder(folder: Path) -> dict[str, bytes]:
    """JSON and ECSV files of a folder, by name; none if there is no folder.

    Raises
    ------
    TransientError
        If it cannot be read.
    """

    def read() -> dict[str, bytes]:
        if not folder.is_dir():
            return {}
        files = sorted(p for p in folder.iterdir() if p.suffix in {".json", ".ecsv"})
        return {
            path.name: path.read_bytes()
            for path in files[-MAX_FILES:]
            if not path.name.startswith(".")
        }

    try:
        return await asyncio.to_thread(read)
    except OSError as error:
        raise TransientError(f"executed exposures: {error}") from error


def parse_files(files: dict[str, bytes], *, external_name: str) -> tuple[ExecutedExposure, ...]:
    """Exposures of files as `read_folder` gives them.

    Raises
    ------
    PermanentError
        Naming the file that cannot be read.
    """
    found: dict[str, ExecutedExposure] = {}
    for name, raw in files.items():
        try:
            exposures = file_exposures(
                raw.decode(), ecsv=name.endswith(".ecsv"), external_name=external_name
            )
        except (ValueError, TypeError) as error:
            raise PermanentError(f"executed exposures, file {name}: {error}"[:400]) from error
        found.update({exposure.exposure_id: exposure for exposure in exposures})
    return tuple(found.values())
