"""What every measured server does: take its core and its options, serve, say where, end with its input."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import loop_factory, pin
from botkit.collector import spare_the_collector

__all__ = ["Options", "main"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a server is told.

    :param folder: its own; gone after the run.
    :param api_url: where replies go.
    :param kind: which of the servers of a module.
    """

    folder: Path
    api_url: str
    kind: str


def main(serve: Callable[[Options], AbstractAsyncContextManager[int]]) -> None:
    """Serve until the input ends. ``serve`` gives the port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=int, default=-1)
    parser.add_argument("--api-url", default="http://127.0.0.1:9")
    parser.add_argument("--kind", default="")
    arguments = parser.parse_args()
    pin(arguments.core)

    async def run() -> None:
        with tempfile.TemporaryDirectory(prefix="botkit-bench-") as name:
            async with serve(Options(Path(name), arguments.api_url, arguments.kind)) as port:
                spare_the_collector()  # as a bot that runs does once its plugins are loaded
                print(json.dumps({"port": port}), flush=True)
                await asyncio.to_thread(sys.stdin.read)

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run())
