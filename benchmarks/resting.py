"""What a process holds while it waits, or works slowly on much; and how soon it is there."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.children import Child, server_core
from benchmarks.plan import Bench
from benchmarks.receive import peer, server
from benchmarks.report import Row, median

__all__ = ["memory", "start"]

_MIB = 1 << 20


def memory(bench: Bench) -> list[Row]:
    """Memory in MiB: idle, and with the largest backlog and 64 slow handlers."""
    idle = {"bare aiohttp": bench.bare.usage().rss}
    with server("durable") as child:
        idle["botkit: server and store"] = child.usage().rss
    with server("bot", "--api-url", bench.api_url) as child:
        idle["botkit: a bot"] = child.usage().rss
    for kind in ("slack-bolt", "aiogram"):
        found = peer(bench, kind)
        if found is not None:
            with found:
                idle[kind] = found.usage().rss
    rows = [_row("idle", case, rss, idle["bare aiohttp"]) for case, rss in idle.items()]
    bench.plan.say(f"memory: a backlog of {bench.plan.most:,}")
    # One process fills and ends; the one that is measured has seen nothing but its own work.
    with Child("benchmarks.engine", "--core", str(server_core()), "--keep") as filling:
        filling.ask(do="fill", events=bench.plan.most, conversations=0)
        store = filling.ready["store"]
    with Child("benchmarks.engine", "--core", str(server_core()), "--store", store, "--remove") as engine:
        before = engine.ask(do="rest")["rss"]
        after = engine.ask(do="run", seconds=5.0, plugins=["slow=0.5"], events=1)["rss"]
    case = f"{bench.plan.most:,} waiting"
    rows.append(_row("backlog", f"{case}, not begun", before, idle["bare aiohttp"]))
    rows.append(_row("backlog", f"{case}, 64 slow handlers", after, idle["bare aiohttp"]))
    return rows


def _row(subject: str, case: str, rss: float, baseline: float) -> Row:
    return Row(
        subject=f"memory, {subject}",
        case=case,
        value=rss / _MIB,
        unit="MiB",
        ratio=rss / baseline,
        baseline="bare aiohttp",
    )


def start(bench: Bench) -> list[Row]:
    """Seconds from the start of the process to the first 200, and what ``botkit --help`` takes."""
    starts: dict[str, tuple[str, Callable[[], Child]]] = {
        "bare aiohttp": ("x", lambda: server("bare")),
        "botkit: server and store": ("x", lambda: server("durable")),
        "botkit: a bot": ("x", lambda: server("bot", "--api-url", bench.api_url)),
    }
    if bench.plan.peers:
        starts["slack-bolt"] = ("slack", lambda: _found(peer(bench, "slack-bolt")))
        starts["aiogram"] = ("telegram", lambda: _found(peer(bench, "aiogram")))
    took: dict[str, list[float]] = {name: [] for name in starts}
    for number in range(bench.plan.rounds):
        bench.plan.say(f"start: round {number + 1} of {bench.plan.rounds}")
        for name, (flavour, begin) in starts.items():
            began = time.perf_counter()
            try:
                child = begin()
            except _Missing:
                continue
            with child:
                bench.post(child, 1, flavour=flavour)
                took[name].append(time.perf_counter() - began)
    rows = [
        Row(
            subject="start",
            case=f"{name}, first 200",
            value=median(times),
            unit="s",
            ratio=median(times) / median(took["bare aiohttp"]),
            baseline="bare aiohttp",
        )
        for name, times in took.items()
        if times
    ]
    helps = [_command("--help") for _ in range(bench.plan.rounds)]
    rows.append(Row(subject="start", case="botkit --help", value=median(helps), unit="s"))
    return rows


class _Missing(Exception):
    """A peer that is not installed."""


def _found(child: Child | None) -> Child:
    if child is None:
        raise _Missing
    return child


def _command(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "botkit", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
