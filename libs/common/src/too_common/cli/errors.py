"""What a command says when it cannot do its work."""


class CommandError(Exception):
    """A message for the person at the terminal; `too` prints it and ends with code 1."""
