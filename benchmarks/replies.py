"""Replies: events in, signed requests out, to an API that answers at once; and what signing alone costs."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.children import Child, server_core
from benchmarks.peers import FLAVOURS
from benchmarks.plan import Bench
from benchmarks.receive import measured, peer, server
from benchmarks.report import Row, median

__all__ = ["replies", "signing"]

_BOT = "botkit: stored, OAuth 1.0a"


def replies(bench: Bench) -> list[Row]:
    """Replies a second: from the first event posted until the last reply has reached the API."""
    with ExitStack() as stack:
        bot = stack.enter_context(server("bot", "--api-url", bench.api_url))
        servers = {_BOT: ("x", bot)}
        for kind, flavour in FLAVOURS.items():
            found = peer(bench, kind, api_url=bench.api_url) if kind != "fastapi" else None
            if found is not None:
                servers[f"{kind}, stores nothing"] = (flavour, stack.enter_context(found))
        return measured(bench, "replies", servers, replies=tuple(servers))


def signing(bench: Bench) -> list[Row]:
    """Requests a second of botkit's own client, by credential, 64 at once."""
    kinds = ("bearer", "oauth1", "authlib")
    rounds: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    arguments = ("--core", str(server_core()), "--api-url", bench.api_url)
    with Child("benchmarks.requesting", *arguments) as requesting:
        for kind in kinds:
            requesting.ask(kind=kind, requests=200)
        for number in range(bench.plan.rounds):
            bench.plan.say(f"signing: round {number + 1} of {bench.plan.rounds}")
            for kind in kinds:
                rounds[kind].append(requesting.ask(kind=kind, requests=bench.plan.requests // 4))
    names = {
        "bearer": "bearer token",
        "oauth1": "OAuth 1.0a, prepared",
        "authlib": "OAuth 1.0a by authlib",
    }
    return [
        Row(
            subject="signing",
            case=names[kind],
            value=median([one["rate"] for one in results]),
            unit="requests/s",
            ratio=median(
                [one["rate"] / base["rate"] for one, base in zip(results, rounds["bearer"], strict=True)]
            ),
            baseline=names["bearer"],
            detail={"CPU µs": median([one["cpu_us"] for one in results])},
        )
        for kind, results in rounds.items()
    ]
