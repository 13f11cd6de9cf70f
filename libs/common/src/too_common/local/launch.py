"""Start one program so that it cannot outlive its parent.

Run as a file by the plain interpreter (``python -I -S launch.py ...``), before any library is
loaded: it drops root where asked to, asks the kernel to end the program when the parent ends
(Linux only; elsewhere the next start finds and stops what was left over) and becomes the program.
The process id stays the same, so signals reach the program itself.
"""

import argparse
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, end_signal: int = signal.SIGTERM) -> bool:
    """Ask the kernel for `end_signal` when the parent ends; false where it already has."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, end_signal, 0, 0, 0)
    return os.getppid() == parent


def become_user(user: str) -> None:
    """Give up root for good."""
    import pwd

    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def main(arguments: list[str]) -> None:
    """Become the program that follows ``--``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int)
    parser.add_argument("--end-signal", type=int, default=int(signal.SIGTERM))
    parser.add_argument("--user")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if options.user:
        become_user(options.user)
    if options.parent and not die_with_parent(options.parent, options.end_signal):
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - becoming the program is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
