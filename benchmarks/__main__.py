"""Run the benchmarks: ``python -m benchmarks [latency] [options]``."""

import sys

from benchmarks import fuzz_notices, latency

BENCHMARKS = {"latency": latency.main, "fuzz": fuzz_notices.main}


def main() -> int:
    """Run the benchmark that is named, or all of them."""
    names = sys.argv[1:2] if sys.argv[1:2] and not sys.argv[1].startswith("-") else []
    for name in names:
        if name not in BENCHMARKS:
            print(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
            return 2
    options = sys.argv[1 + len(names) :]
    # fuzzing measures nothing: it runs when it is named (`make fuzz`)
    return max(BENCHMARKS[name](options) for name in names or BENCHMARKS.keys() - {"fuzz"})


if __name__ == "__main__":
    sys.exit(main())
