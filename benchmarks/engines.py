"""Whole turns: claimed, handled, state and reply committed; and what their cost depends on, or does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.children import Child, load_core, server_core
from benchmarks.plan import Bench
from benchmarks.postgres import a_database
from benchmarks.report import Row, median, spread

__all__ = ["backlog", "conversations", "mix", "plugins", "turns"]

_BASELINE = "bare aiohttp requests/s"
#: events of a conversation, as in a chat that goes on
_A_CONVERSATION = 10
#: turns a round, where the same backlog serves several
_A_PIECE = 1000


def _engine(store: str = "", *, core: int | None = None) -> Child:
    return Child(
        "benchmarks.engine", "--core", str(server_core() if core is None else core), "--store", store
    )


def turns(bench: Bench) -> list[Row]:
    """Turns a second with a state and a reply each, on both stores."""
    with _engine() as engine:
        rows = _rates(bench, "turns", {"SQLite": {}}, [engine])
    if bench.plan.postgres:
        with a_database(bench.plan.say) as url:
            if url:
                with _engine(url) as one:
                    rows += _rates(bench, "turns", {"PostgreSQL, one worker": {}}, [one])
                    # The database shares both cores with them, as on one small machine.
                    with _engine(url, core=load_core()) as two:
                        rows += _rates(bench, "turns", {"PostgreSQL, two workers": {}}, [one, two])
    return rows


def _rates(
    bench: Bench, subject: str, cases: Mapping[str, Mapping[str, object]], engines: Sequence[Child]
) -> list[Row]:
    """Fill by the first, work off by all, as often as there are rounds; in each, every case in turn.

    :param cases: how the engines run, by name.
    """
    events = bench.plan.events
    rates: dict[str, list[float]] = {case: [] for case in cases}
    cpu: dict[str, list[float]] = {case: [] for case in cases}
    ratios: dict[str, list[float]] = {case: [] for case in cases}
    for number in range(bench.plan.rounds):
        for case, run in cases.items():
            bench.plan.say(f"{subject}, {case}: round {number + 1} of {bench.plan.rounds}")
            yardstick = bench.yardstick()
            engines[0].ask(do="fill", events=events, conversations=events // _A_CONVERSATION)
            for engine in engines:
                engine.tell(do="run", events=events if len(engines) == 1 else 0, **run)
            results = [engine.hear() for engine in engines]
            rates[case].append(events / max(one["seconds"] for one in results))
            cpu[case].append(sum(one["cpu_s"] for one in results) / events * 1e6)
            ratios[case].append(rates[case][-1] / yardstick)
    return [
        Row(
            subject=subject,
            case=case,
            value=median(rates[case]),
            unit="turns/s",
            ratio=median(ratios[case]),
            baseline=_BASELINE,
            detail={"CPU µs": median(cpu[case]), "spread": spread(rates[case])},
        )
        for case in cases
    ]


def mix(bench: Bench) -> list[Row]:
    """What a handler does to the rate: nothing, a state, a state and a reply, or a wait."""
    cases: dict[str, dict[str, object]] = {
        "looks": {"plugins": ["nothing"]},
        "keeps a state": {"plugins": ["state"]},
        "state and reply": {"plugins": ["reply"]},
        "waits 10 ms": {"plugins": ["slow=0.01"]},
    }
    with _engine() as engine:
        return _rates(bench, "mix", cases, [engine])


def plugins(bench: Bench) -> list[Row]:
    """Plugins that do not match: one, ten, a hundred, a thousand beside the one that does."""
    counts = [count for count in (0, 10, 100, 1000) if count <= bench.plan.events // 10]
    cases: dict[str, dict[str, object]] = {
        f"{count + 1:,} loaded, one matches": {"plugins": ["reply", f"other*{count}"] if count else ["reply"]}
        for count in counts
    }
    with _engine() as engine:
        return _against_first(_rates(bench, "plugins", cases, [engine]), "one plugin")


def backlog(bench: Bench) -> list[Row]:
    """A claim, a settlement and a whole turn, while more and more waits behind them."""
    rows: list[Row] = []
    waiting = 0
    with _engine() as engine:
        for size in bench.plan.sizes(10_000):
            bench.plan.say(f"backlog: filling up to {size:,}")
            engine.ask(do="fill", events=size - waiting, conversations=0)
            waiting = size
            claims = engine.ask(do="claims", rounds=30)
            rates = [
                _A_PIECE / engine.ask(do="run", events=_A_PIECE)["seconds"] for _ in range(bench.plan.rounds)
            ]
            waiting -= 30 * 64 + bench.plan.rounds * _A_PIECE
            rows.append(
                Row(
                    subject="backlog",
                    case=f"{size:,} waiting",
                    value=1e6 / median(rates),
                    unit="µs a turn",
                    detail={
                        "claim µs": claims["claim_s"] * 1e6,
                        "settle µs": claims["settle_s"] * 1e6,
                        "turns/s": median(rates),
                    },
                )
            )
    return _against_first(rows, rows[0].case)


def conversations(bench: Bench) -> list[Row]:
    """One state looked up among more and more."""
    rows: list[Row] = []
    known = 0
    with _engine() as engine:
        for size in bench.plan.sizes(1000):
            bench.plan.say(f"conversations: {size:,}")
            engine.ask(do="states", first=known, conversations=size - known)
            known = size
            alone, together = (
                [
                    engine.ask(do="lookups", conversations=size, callers=callers)["lookup_s"] * 1e6
                    for _ in range(bench.plan.rounds + 1)
                ][1:]
                for callers in (1, 64)
            )
            rows.append(
                Row(
                    subject="conversations",
                    case=f"{size:,} known",
                    value=median(alone),
                    unit="µs a state",
                    detail={"spread": spread(alone), "µs a state of 64 at once": median(together)},
                )
            )
    return _against_first(rows, rows[0].case)


def _against_first(rows: Sequence[Row], baseline: str) -> list[Row]:
    return [
        Row(
            subject=row.subject,
            case=row.case,
            value=row.value,
            unit=row.unit,
            ratio=row.value / rows[0].value,
            baseline=baseline,
            detail=row.detail,
        )
        for row in rows
    ]
