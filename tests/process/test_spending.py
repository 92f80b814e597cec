"""A budget in a running bot: what it holds back waits through kill -9, and leaves when the budget allows."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from .conftest import ACCOUNT, KEYS, ApiStub, Start, dm

ECHO = """
@on_direct_message
async def echo(event, bot):
    return f"you said {event.text}"

@on_alarm
async def tell(alarm):
    with open("told", "a") as file:
        file.write(f"{alarm.kind}\\n")
"""


async def ask(folder: Path, *arguments: str) -> Any:
    """What a command answers, decoded."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "botkit",
        *arguments,
        "--json",
        cwd=folder,
        env={**os.environ, **KEYS},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)


async def counted(folder: Path, kind: str, count: int) -> None:
    """Return when so many of a kind were counted and written."""
    async with asyncio.timeout(20):
        while True:
            days = (await ask(folder, "usage"))["days"]
            if any(line["kind"] == kind and line["count"] == count for day in days for line in day["lines"]):
                return


async def test_what_the_budget_holds_back_waits_through_a_kill_and_leaves_when_it_is_raised(
    start: Start, api: ApiStub, tmp_path: Path
) -> None:
    bot = await start({"echo": ECHO}, extra="budget: {per_day: 0.01}\n")
    for number in range(3):
        assert await bot.post(dm(str(number), message_id=number + 1, sender=str(100 + number))) == 200
    await bot.line("alarm", kind="budget_spent")
    await counted(tmp_path, "direct_message_events", 3)
    shown = await ask(tmp_path, "outbox")
    assert (shown["budget"]["spent"], shown["budget"]["per_day"]) == (0.015, 0.01)
    assert sum(queue["waiting"] for queue in shown["queues"]) == 2
    assert (tmp_path / "told").read_text().splitlines() == ["budget", "budget_spent"]
    await bot.kill()

    bot = await start()
    await bot.line("alarm", kind="budget_spent")
    assert (await ask(tmp_path, "usage"))["spent_today"] == 0.015
    assert len(api.texts) == 1
    await bot.kill()

    config = tmp_path / "bot.yaml"
    config.write_text(config.read_text().replace("per_day: 0.01", "per_day: 1"))
    bot = await start()
    await api.until(3)
    assert await bot.end() == 0
    assert sorted(api.texts) == ["you said 0", "you said 1", "you said 2"]
    (day,) = (await ask(tmp_path, "usage"))["days"]
    assert [(line["account_id"], line["kind"], line["count"], line["spent"]) for line in day["lines"]] == [
        (ACCOUNT, "dm.send", 3, 0.045),
        (ACCOUNT, "direct_message_events", 3, 0.0),
    ]
