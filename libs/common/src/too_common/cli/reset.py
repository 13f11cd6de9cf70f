"""``too reset``."""

import shutil
from typing import Annotated

import typer

from too_common.cli.client import layout
from too_common.cli.errors import CommandError
from too_common.local.lock import StackLock


def command(
    *,
    keep_secrets: Annotated[
        bool, typer.Option("--keep-secrets", help="keep passwords and keys")
    ] = False,
) -> None:
    """Remove the data of the local stack, which must not be running."""
    here = layout()
    holder = StackLock.holder(here.lock_file)
    if holder is not None:
        raise CommandError(
            f"the stack of {here.data_dir} runs (process {holder}): stop it first, with Ctrl-C "
            f"where it was started or with `kill {holder}`"
        )
    if not here.data_dir.exists():
        typer.echo(f"nothing to remove: there is no {here.data_dir}")
        return
    if not here.lock_file.exists() and not here.secrets_dir.exists():
        # TOO_DATA_DIR may name anything: only what `too up` made is removed
        raise CommandError(f"{here.data_dir} was not made by `too up`: not removed")
    for path in here.data_dir.iterdir():
        if keep_secrets and path == here.secrets_dir:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    typer.echo(f"removed what was in {here.data_dir}")
