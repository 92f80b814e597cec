"""Looking up what has media, to whose text X adds a link, and what opened a group."""

from __future__ import annotations

import json

import pytest

from botkit.actions import Queued, SendDirectMessage, StartGroup
from botkit.engine.outbox import outbox_item
from botkit.x.wire import Response

from .conftest import ACCOUNT, ALICE, Bench
from .test_unknown_outcome import X, drain


class Shown(X):
    """Shows what it took as X does.

    :ivar link: what it adds to a text.
    :ivar conversation_id: where messages are.
    """

    link, conversation_id = "", "1-2"

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        if method == "POST":
            sent = json.loads(body or b"{}")
            text = sent.get("message", sent).get("text", "")
            body = json.dumps({"text": f"{text} {self.link}".strip()}).encode()
        answer = super().send(method, url, headers, body)
        try:
            return await answer
        finally:
            for message in self.taken:
                message["dm_conversation_id"] = self.conversation_id


@pytest.fixture
def x(bench: Bench) -> Shown:
    x = Shown(bench)
    bench.use(x)
    return x


async def send(bench: Bench, action: SendDirectMessage | StartGroup) -> None:
    await bench.store.put([outbox_item(Queued(ACCOUNT, "plugin:handler", action), "action")])
    await drain(bench, 1)


async def test_the_link_that_x_adds_to_what_has_media_hides_nothing(bench: Bench, x: Shown) -> None:
    x.lose, x.link = 1, "https://t.co/abc"
    await send(bench, SendDirectMessage(to=ALICE, text="look", media_id="5"))
    assert len(x.taken) == 1


async def test_a_link_after_a_text_without_media_is_another_text(bench: Bench, x: Shown) -> None:
    x.lose, x.link = 1, "https://t.co/abc"
    await send(bench, SendDirectMessage(to=ALICE, text="look"))
    assert len(x.taken) == 2


@pytest.mark.parametrize(("conversation_id", "sent"), [("1234567", 1), ("1-2", 2)])
async def test_a_group_is_looked_for_among_groups(
    bench: Bench, x: Shown, conversation_id: str, sent: int
) -> None:
    x.lose, x.conversation_id = 1, conversation_id
    await send(bench, StartGroup(user_ids=(ALICE, "5"), text="all"))
    assert len(x.taken) == sent
