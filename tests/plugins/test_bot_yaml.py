"""The bot.yaml at the top is the bot of the README: it greets, answers, and remembers across restarts."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from botkit.cli import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The bot in a folder of its own, on free ports."""
    shutil.copytree(ROOT / "plugins", tmp_path / "plugins")
    text = (ROOT / "bot.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^  port: 8080$", "  port: 0", text, flags=re.MULTILINE)
    (tmp_path / "bot.yaml").write_text(f"{text}\nsimulator: {{port: 0}}\n", encoding="utf-8")
    return tmp_path


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """`botkit run`, stopped gracefully at the end; gives the simulator's address."""
    bot = subprocess.Popen(
        [sys.executable, "-m", "botkit", "run"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert bot.stderr is not None
        lines = (json.loads(line) for line in bot.stderr)
        yield next(line["chat_page"] for line in lines if line["event"] == "ready")
        bot.send_signal(signal.SIGTERM)
        _, errors = bot.communicate(timeout=60)
        assert bot.returncode == 0, errors
    finally:
        bot.kill()
        bot.communicate()


def test_it_greets_answers_and_knows_people_again_after_a_restart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(page: str, text: str, *, answers: int = 1) -> str:
        arguments = ["trigger", "dm", "--from", "alice", text, "--wait", "--timeout", "30s"]
        arguments += ["--count", str(answers)]
        assert main([*arguments, "--simulator", page]) == 0
        return capsys.readouterr().out.strip()

    with running(folder) as page:
        greeting, offer = say(page, "hello", answers=2).splitlines()
        assert greeting == "Hello Alice, this is the bot of our bicycle shop."
    with running(folder) as page:
        assert say(page, "hello") == offer == "What can I do for you? Ask me about prices, hours or an order."
        assert say(page, "Where is order #1042?").startswith("Order 1042 is on its way, Alice.")
        assert say(page, "Where is my order?").startswith("Which order is it?")
        assert "example.com/prices" in say(page, "How much is a new chain?")
        assert "Monday to Friday" in say(page, "What are your opening hours?")
