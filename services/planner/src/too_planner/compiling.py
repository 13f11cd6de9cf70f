"""Compile the inner loops of the search, when that is worth it, and keep the machine code.

Importing numba costs half a second of a cold process, so it is imported for a search that is large
enough, or by a worker that calls `compile_kernels` before its first plan. Machine code is kept in
the folder that NUMBA_CACHE_DIR names, else beside the modules, else among temporary files. Run

    python -m too_planner.compiling

once where the planner is installed (in an image: with NUMBA_CACHE_DIR as it is at run time), so
that no plan has to wait for the compiler. If what is kept can only be read at run time, a private
copy of it is used. Without numba (NUMBA_DISABLE_JIT=1, or where it cannot be imported) the search
runs as plain Python, with the same result if it has the time.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

from too_planner import kernels, neighbourhoods

WORTH_VISITS = 16
"""Fields times visits from which a search is worth half a second of import."""

_state: dict[str, bool] = {}


def is_worth(visits: int) -> bool:
    """The search is large, or numba is there anyhow."""
    return visits >= WORTH_VISITS or "numba" in sys.modules


def compile_kernels() -> bool:
    """Replace the functions of `kernels` and `neighbourhoods`; False if that cannot be."""
    if "compiled" not in _state:
        _state["compiled"] = False
        if os.environ.get("NUMBA_DISABLE_JIT", "0") in {"", "0"}:
            _state["compiled"] = _compile()
    return _state["compiled"]


def _compile() -> bool:
    try:
        import numba
    except ImportError:
        return False
    config: Any = numba.config
    before = config.CACHE_DIR
    folder = cache_folder(Path(before) if before else None)
    try:
        if folder is not None:
            config.CACHE_DIR = str(folder)
        modules = (kernels, neighbourhoods)
        for function in [*kernels.COMPILED, *neighbourhoods.COMPILED]:
            compiled: Any = numba.njit(nogil=True, cache=folder is not None)(function)
            for module in modules:
                if hasattr(module, function.__name__):
                    setattr(module, function.__name__, compiled)
    finally:
        config.CACHE_DIR = before
    return True


def cache_folder(asked: Path | None) -> Path | None:
    """Where the machine code of these very sources is kept; None if there is no such place.

    numba looks at the file of a function only, not at those of the functions that it calls, so
    the folder's name holds a digest of both modules.
    """
    modules = [Path(str(module.__file__)) for module in (kernels, neighbourhoods)]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in modules)).hexdigest()[:16]
    folder = (asked or modules[0].parent / "__pycache__") / f"too-planner-kernels-{digest}"
    if _can_write(folder):
        return folder
    private = Path(tempfile.gettempdir()) / f"too-planner-{os.getuid()}" / folder.name
    if not _can_write(private) or not (_is_mine(private) and _is_mine(private.parent)):
        return None
    if folder.is_dir() and not any(private.iterdir()):
        with contextlib.suppress(OSError):
            # a part that cannot be read is compiled anew
            shutil.copytree(folder, private, dirs_exist_ok=True)
    return private


def _can_write(folder: Path) -> bool:
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o755, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _is_mine(folder: Path) -> bool:
    """Nobody else can have put machine code there."""
    found = folder.lstat()
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return own and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def main() -> None:
    """Compile everything with a small search, so that the machine code is kept."""
    from too_planner.search import warm_up

    compiled = compile_kernels()
    if compiled:
        from too_planner import camera_kernel

        camera_kernel.warm_up()
    warm_up()
    sys.stdout.write("compiled\n" if compiled else "not compiled: plain Python is used\n")


if __name__ == "__main__":
    main()
