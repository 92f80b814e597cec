"""How much is measured, and what every subject works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks.children import Child, load_core, server_core
from benchmarks.report import median

__all__ = ["Bench", "Plan", "bench"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much.

    :param rounds: how often each case is measured, in turns with the others.
    :param requests: how many a round.
    :param events: how many turns a round.
    :param most: the largest backlog, and the most conversations.
    :param peers: the Python that has the peers installed; empty: they are left out.
    :param postgres: whether a PostgreSQL may be used or started.
    """

    rounds: int = 5
    requests: int = 10_000
    events: int = 10_000
    most: int = 1_000_000
    peers: str = ""
    postgres: bool = True
    say: Callable[[str], None] = field(default=lambda _: None, compare=False)

    def sizes(self, first: int) -> list[int]:
        """From ``first`` to `most`, ten times larger each."""
        sizes = [first]
        while sizes[-1] * 10 <= self.most:
            sizes.append(sizes[-1] * 10)
        return sizes


class Bench:
    """The load and the bare server, which is the measure of the machine in the minute."""

    def __init__(self, plan: Plan, load: Child, bare: Child) -> None:
        self.plan = plan
        self.load = load
        self.bare = bare
        self.api_url = f"http://127.0.0.1:{load.ready['port']}"
        self._next = 0

    def post(self, server: Child, count: int, *, flavour: str = "x", **more: object) -> dict[str, float]:
        """Post that many events and return what came of it, with the server's CPU time a request in µs.

        :raises RuntimeError: not all were answered 200: a number without that means nothing.
        """
        before = server.usage().cpu_s
        command = {"flavour": flavour, "first": self._next, "requests": count, "connections": 64, **more}
        self._next += count
        result = self.load.ask(port=server.ready["port"], **command)
        if result["failed"] or result["cut_short"]:
            raise RuntimeError(f"the load was not answered as it should be: {result}")
        result["cpu_us"] = (server.usage().cpu_s - before) / count * 1e6
        result["rate"] = count / (result["all_s"] if more.get("replies") else result["posted_s"])
        return result

    def yardstick(self) -> float:
        """The bare server's requests a second now."""
        return median([self.post(self.bare, self.plan.requests // 4)["rate"] for _ in range(3)])


@contextmanager
def bench(plan: Plan) -> Iterator[Bench]:
    """Start the load and the bare server."""
    with ExitStack() as stack:
        load = stack.enter_context(Child("benchmarks.load", "--core", str(load_core())))
        bare = stack.enter_context(Child("benchmarks.servers.bare", "--core", str(server_core())))
        yield Bench(plan, load, bare)
