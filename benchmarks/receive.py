"""The receive path, step by step, and how soon an event is acknowledged at a steady pace."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.children import Child, server_core
from benchmarks.peers import FLAVOURS
from benchmarks.plan import Bench
from benchmarks.report import Row, median

__all__ = ["ack", "measured", "peer", "receive"]

_BASELINE = "bare aiohttp"


def server(module: str, *arguments: str) -> Child:
    """One of `benchmarks.servers`, on the measured core."""
    return Child(f"benchmarks.servers.{module}", "--core", str(server_core()), *arguments)


def peer(bench: Bench, kind: str, *, api_url: str = "") -> Child | None:
    """A peer's server, if it is installed."""
    if not bench.plan.peers:
        return None
    arguments = ("--kind", kind, "--core", str(server_core()), "--api-url", api_url)
    try:
        return Child("benchmarks.peers", *arguments, python=bench.plan.peers, quiet=True)
    except RuntimeError:
        bench.plan.say(f"{kind} is not installed for {bench.plan.peers}; it is left out")
        return None


def receive(bench: Bench) -> list[Row]:
    """Requests a second, 64 connections, each server on the same core in turns."""
    with ExitStack() as stack:
        servers = {
            _BASELINE: ("x", bench.bare),
            "verify": ("x", stack.enter_context(server("steps", "--kind", "verify"))),
            "verify + cut": ("x", stack.enter_context(server("steps", "--kind", "split"))),
            "botkit: verify + cut + commit": ("x", stack.enter_context(server("durable"))),
            "botkit: all, with the reply": (
                "x",
                stack.enter_context(server("bot", "--api-url", bench.api_url)),
            ),
        }
        for kind, flavour in FLAVOURS.items():
            found = peer(bench, kind)
            if found is not None:
                servers[f"{kind}, stores nothing"] = (flavour, stack.enter_context(found))
        return measured(bench, "receive", servers, replies=("botkit: all, with the reply",))


def measured(
    bench: Bench, subject: str, servers: dict[str, tuple[str, Child]], *, replies: Sequence[str] = ()
) -> list[Row]:
    """Post to each server in turns; the first is the baseline."""
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
    for name, (flavour, child) in servers.items():
        bench.post(child, 500, flavour=flavour, replies=name in replies)
    for number in range(bench.plan.rounds):
        bench.plan.say(f"{subject}: round {number + 1} of {bench.plan.rounds}")
        for name, (flavour, child) in servers.items():
            count = bench.plan.requests // (4 if name in replies else 1)
            rounds[name].append(bench.post(child, count, flavour=flavour, replies=name in replies))
    baseline, *_ = servers
    rows = []
    for name, results in rounds.items():
        ratios = [one["rate"] / base["rate"] for one, base in zip(results, rounds[baseline], strict=True)]
        cpu = [
            one["cpu_us"] / max(base["cpu_us"], 1.0)
            for one, base in zip(results, rounds[baseline], strict=True)
        ]
        rows.append(
            Row(
                subject=subject,
                case=name,
                value=median([one["rate"] for one in results]),
                unit="requests/s",
                ratio=median(ratios),
                baseline=baseline,
                detail={
                    "p50 ms": median([one["p50_ms"] for one in results]),
                    "p99 ms": median([one["p99_ms"] for one in results]),
                    "CPU µs": median([one["cpu_us"] for one in results]),
                    "CPU ratio": median(cpu),
                },
            )
        )
    return rows


def ack(bench: Bench) -> list[Row]:
    """How soon 200 is said at 1,000 events a second, from the moment each was due."""
    rows = []
    with server("durable") as durable:
        servers = {_BASELINE: bench.bare, "botkit: verify + cut + commit": durable}
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
        for number in range(bench.plan.rounds):
            bench.plan.say(f"ack: round {number + 1} of {bench.plan.rounds}")
            for name, child in servers.items():
                rounds[name].append(bench.post(child, min(3000, bench.plan.requests), rate=1000))
        for name, results in rounds.items():
            bases = rounds[_BASELINE]
            rows.append(
                Row(
                    subject="ack at 1,000/s",
                    case=name,
                    value=median([one["p99_ms"] for one in results]),
                    unit="ms p99",
                    ratio=median(
                        [one["p99_ms"] / base["p99_ms"] for one, base in zip(results, bases, strict=True)]
                    ),
                    baseline=_BASELINE,
                    detail={
                        "p50 ms": median([one["p50_ms"] for one in results]),
                        "max ms": max(one["max_ms"] for one in results),
                    },
                )
            )
    return rows
