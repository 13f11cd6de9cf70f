"""Coverage-guided fuzzing of the parsers with atheris: ``coverage.py xml|json CORPUS [options]``.

Runs in an environment of its own (see `benchmarks.fuzz_notices`), which holds atheris.
"""

import sys

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports(include=["too_ingest"]):
    from benchmarks.fuzzing.judge import judge

STARTS = {"xml": b"<", "json": b"{"}


def main() -> None:
    """Begin to fuzz; atheris does not return."""
    form = sys.argv.pop(1)
    start = STARTS[form]

    def one_input(data: bytes) -> None:
        # the form is given, so that the guide does not lose itself in what is refused at once
        raw = data if data[:1] == start else start + data
        judge(raw, None)

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
