"""Which reader reads which format."""

from pathlib import Path

from too_common.errors import InvalidError

from too_vetting_api.catalogues.snapshot import CatalogueReader

FORMATS = ("openngc", "clu", "nedlvs", "gladeplus")
"""Known formats; the first needs no file."""


def reader_of(form: str, path: Path | None, version: str | None) -> CatalogueReader:
    """The reader of a format.

    Raises
    ------
    InvalidError
        If the format is unknown or its file is missing.
    """
    if form == "openngc":
        from too_vetting_api.catalogues.openngc import OpenNgcReader

        return OpenNgcReader()
    if path is None:
        raise InvalidError(f"format {form!r} needs a file")
    match form:
        case "clu":
            from too_vetting_api.catalogues.clu import CluReader

            return CluReader(path, version or path.stem)
        case "nedlvs":
            from too_vetting_api.catalogues.nedlvs import NedLvsReader

            return NedLvsReader(path, version)
        case "gladeplus":
            from too_vetting_api.catalogues.gladeplus import GladePlusReader

            return GladePlusReader(path, version)
        case _:
            raise InvalidError(f"unknown format {form!r}; there are {', '.join(FORMATS)}")
