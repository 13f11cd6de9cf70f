"""Run the benchmarks: ``python -m benchmarks [latency] [options]``."""

import sys

from benchmarks import fuzz_notices, ingest_throughput, latency, maps, plan_latency

BENCHMARKS = {
    "latency": latency.main,
    "fuzz": fuzz_notices.main,
    "ingest": ingest_throughput.main,
    "plan": plan_latency.main,
    "maps": maps.main,
}


def main() -> int:
    """Run the benchmark that is named, or all of them."""
    names = sys.argv[1:2] if sys.argv[1:2] and not sys.argv[1].startswith("-") else []
    for name in names:
        if name not in BENCHMARKS:
            print(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
            return 2
    options = sys.argv[1 + len(names) :]
    # the others run when they are named (`make fuzz`, `make bench-ingest`)
    return max(BENCHMARKS[name](options) for name in names or ["latency"])


if __name__ == "__main__":
    sys.exit(main())
