"""The processes of a benchmark: each on a core of its own, ended with the one that started it."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Child", "Usage", "load_core", "loop_factory", "pin", "server_core"]

_ROOT = Path(__file__).parents[1]
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def server_core() -> int:
    """The core that everything measured runs on; -1 where cores can't be chosen."""
    cores = _cores()
    return cores[0] if cores else -1


def load_core() -> int:
    """The core that the load runs on: another one, where there are two."""
    cores = _cores()
    return cores[-1] if cores else -1


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


def pin(core: int) -> None:
    """Keep this process on one core."""
    if sys.platform == "linux" and core >= 0:
        os.sched_setaffinity(0, {core})


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop when it is installed, as `botkit run` has it."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory


class Usage:
    """What a process has used up so far: CPU seconds, and its memory in bytes (0 where it can't be read)."""

    def __init__(self, pid: int) -> None:
        self.cpu_s, self.rss = 0.0, 0
        folder = Path(f"/proc/{pid}")
        if folder.exists():
            fields = (folder / "stat").read_text().rsplit(") ", 1)[1].split()
            self.cpu_s = (int(fields[11]) + int(fields[12])) / _TICKS
            self.rss = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Child:
    """A Python process that says in its first line that it is ready, and where.

    It is asked in lines and answers in lines; it ends when its input does, so it never outlives this process.

    :ivar ready: the decoded first line.
    :ivar started_s: how long it took to come.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        python: str = sys.executable,
        environ: dict[str, str] | None = None,
        quiet: bool = False,
    ) -> None:
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments],
            cwd=_ROOT,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
        )
        self.ready: dict[str, Any] = self._line()
        self.started_s = time.perf_counter() - began

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and return the answer."""
        self.tell(**command)
        return self.hear()

    def tell(self, **command: Any) -> None:
        """Send a command whose answer is heard later."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The answer to the last command."""
        return self._line()

    def usage(self) -> Usage:
        """What it has used so far."""
        return Usage(self.pid)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            arguments: Sequence[str] = self._process.args if isinstance(self._process.args, list) else ()
            raise RuntimeError(f"a process of the benchmark ended early: {' '.join(map(str, arguments[1:]))}")
        answer: dict[str, Any] = json.loads(line)
        return answer
