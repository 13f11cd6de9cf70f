"""Errors of the sky-map code."""


class SkyMapError(ValueError):
    """A map, or the description of one, that cannot be used.

    Attributes
    ----------
    what : str
        What is wrong, in a sentence a person can act on.
    where : str
        Column, header card, row or file part it was found in.
    """

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what, where)
        self.what = what
        self.where = where

    def __str__(self) -> str:
        return f"{self.what} ({self.where})" if self.where else self.what
