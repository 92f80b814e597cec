"""``python -m benchmarks``: measures, and prints one table. Nothing passes or fails on time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.plan import Plan, bench
from benchmarks.report import Row, machine, table, write_json
from benchmarks.subjects import SUBJECTS


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures botkit beside baselines of the same minute. Read the ratios: "
        "a machine that other work shares makes every absolute number smaller.",
    )
    parser.add_argument(
        "subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}; default: all"
    )
    parser.add_argument("--quick", action="store_true", help="a minute instead of five; noisier")
    parser.add_argument("--rounds", type=int, help="how often each case is measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument(
        "--peer", action="store_true", help="add slack-bolt, aiogram and FastAPI where installed"
    )
    parser.add_argument(
        "--peer-python",
        default=sys.executable,
        metavar="PYTHON",
        help="the Python that has them; default: this one",
    )
    parser.add_argument("--no-postgres", action="store_true", help="leave PostgreSQL out")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.subjects if name not in SUBJECTS]
    if unknown:
        parser.error(f"there is no subject {unknown[0]}; there are {', '.join(SUBJECTS)}")
    rounds, requests, events, most = (
        (3, 2000, 2000, 10_000) if arguments.quick else (5, 10_000, 10_000, 1_000_000)
    )
    plan = Plan(
        rounds=arguments.rounds or rounds,
        requests=requests,
        events=events,
        most=most,
        peers=arguments.peer_python if arguments.peer else "",
        postgres=not arguments.no_postgres,
        say=_say,
    )
    about = machine()
    rows: list[Row] = []
    try:
        with bench(plan) as tools:
            for name in arguments.subjects or SUBJECTS:
                rows += SUBJECTS[name](tools)
    finally:  # a subject that fails loses none of the others
        _say("")
        print(table(rows))
        if arguments.json:
            write_json(arguments.json, rows, about)


def _say(line: str) -> None:
    """What is being done, on a terminal, in one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
