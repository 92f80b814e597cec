"""The simulator inside a bot is the X that bot.yaml describes."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from botkit.config import parse_config
from botkit.roles.facing import face_x


@pytest.mark.parametrize(
    ("written", "there", "not_there"),
    [("x: {delivery: premium, environment: Prod}", "Prod", "dev"), ("", "dev", "Prod")],
)
async def test_it_has_the_environment_of_bot_yaml(written: str, there: str, not_there: str, log: Any) -> None:
    config = parse_config(f"simulator: {{port: 0}}\n{written}\n", environ={})
    async with AsyncExitStack() as stack, aiohttp.ClientSession() as http:
        facing = await face_x(config, stack, log=log.logger)
        for name, status in ((there, 200), (not_there, 400)):
            body = {"url": "http://127.0.0.1:1/webhook", "product": f"premium:{name}"}
            async with http.post(f"{facing.api_url}/_sim/webhook", json=body) as answer:
                assert answer.status == status, await answer.text()
