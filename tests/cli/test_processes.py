"""The long-running commands as real processes: they start, can be used, and stop when told."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from botkit.cli import main

ROOT = Path(__file__).resolve().parents[2]

PLUGIN = """
from botkit import on_direct_message


@on_direct_message
async def hello(event, bot):
    return f"Hello {event.sender.name}, you said: {event.text}"
"""


@contextmanager
def process(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A botkit process that is gone when the block is."""
    running = subprocess.Popen(
        [sys.executable, "-m", "botkit", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def stop(running: subprocess.Popen[str]) -> str:
    """Interrupt it, and return what it still wrote on standard error."""
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert "Traceback" not in errors
    return errors


def limits_of(url: str) -> str:
    """Which limits a running simulator has."""
    with urllib.request.urlopen(f"{url}/_sim/state", timeout=30) as answer:
        scale: str = json.load(answer)["limits"]["scale"]
        return scale


def test_the_simulator_runs_alone_and_prints_its_keys(tmp_path: Path) -> None:
    with process("simulator", "--port", "0", cwd=tmp_path) as running:
        assert running.stdout is not None
        first = running.stdout.readline()
        url = first.removeprefix("# the simulator's chat page and API: ").strip()
        names = [running.stdout.readline().partition("=")[0] for _ in range(6)]
        assert names == [
            *("X_CONSUMER_KEY", "X_CONSUMER_SECRET", "X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"),
            *("X_CLIENT_ID", "X_CLIENT_SECRET"),
        ]
        assert main(["trigger", "dm", "hello", "--simulator", url]) == 0
        stop(running)


@pytest.mark.parametrize(("arguments", "scale"), [((), "relaxed"), (("--limits", "x"), "x")])
def test_the_simulators_limits_are_roomy_unless_told_otherwise(
    tmp_path: Path, arguments: tuple[str, ...], scale: str
) -> None:
    with process("simulator", "--port", "0", *arguments, cwd=tmp_path) as running:
        assert running.stdout is not None
        url = running.stdout.readline().rpartition(" ")[2].strip()
        assert limits_of(url) == scale
        stop(running)


@pytest.mark.parametrize(("limits", "scale"), [("", "relaxed"), (", limits: x", "x")])
def test_a_bots_simulator_has_the_limits_of_bot_yaml(tmp_path: Path, limits: str, scale: str) -> None:
    (tmp_path / "bot.yaml").write_text(f"server: {{port: 0}}\nsimulator: {{port: 0{limits}}}\n")
    with process("run", cwd=tmp_path) as running:
        assert running.stderr is not None
        lines = (json.loads(line) for line in running.stderr)
        assert limits_of(next(line["chat_page"] for line in lines if line["event"] == "ready")) == scale
        stop(running)


def test_an_address_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with process("simulator", "--port", "0", cwd=tmp_path) as running:
        assert running.stdout is not None
        port = running.stdout.readline().strip().rpartition(":")[2]
        with process("simulator", "--port", port, cwd=tmp_path) as second:
            _, errors = second.communicate(timeout=60)
        assert second.returncode == 2
        assert errors.startswith(f"botkit: error: can't listen on 127.0.0.1:{port}: ")
        assert errors.endswith("choose another --port\n")
        stop(running)


def test_a_bot_answers_in_the_simulator_and_stops_when_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "hello.py").write_text(PLUGIN)
    (tmp_path / "bot.yaml").write_text("server: {port: 0}\nsimulator: {port: 0}\nplugins: [hello]\n")
    with process("run", cwd=tmp_path) as running:
        assert running.stderr is not None
        lines = (json.loads(line) for line in running.stderr)
        page = next(line["chat_page"] for line in lines if line["event"] == "ready")
        arguments = ["trigger", "dm", "--from", "alice", "hi", "--wait", "--timeout", "30s"]
        status = main([*arguments, "--simulator", page])
        log = stop(running)
    assert status == 0, log
    assert capsys.readouterr().out == "Hello Alice, you said: hi\n"


def test_a_terminal_gets_a_table_with_colours(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "hello.py").write_text(PLUGIN)
    (tmp_path / "bot.yaml").write_text("plugins: [hello]\n")
    ours, theirs = pty.openpty()
    environ = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "botkit", "plugins"]
    with subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.PIPE, cwd=tmp_path, env=environ
    ) as running:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal's end
            while part := os.read(ours, 4096):
                shown += part
        os.close(ours)
    assert running.returncode == 0
    assert b"hello:hello" in shown
    assert b"\x1b[1m" in shown
