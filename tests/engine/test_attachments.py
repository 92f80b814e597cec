"""Media, rich messages, groups, threads and lists, from a handler to the simulator and back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from botkit.api import Api
from botkit.errors import ActionRefused
from botkit.network.client import Client, Credentials
from botkit.network.transport import AiohttpTransport
from botkit.simulator import Simulator, SimulatorConfig
from botkit.store.contract import DeadLetter, Done
from botkit.x.wire import Response

from .conftest import ACCOUNT, Bench, dm

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (1).to_bytes(4, "big") * 2 + b"\x08\0\0\0\0" + b"p" * 200
GIF = b"GIF89a" + (2).to_bytes(2, "little") * 2 + b"g" * 300


class Counting:
    """The real transport; counts what it brings, and can fail instead.

    :ivar fail: the next request whose address ends so is answered with this status instead.
    """

    def __init__(self) -> None:
        self._real = AiohttpTransport()
        self.paths: list[str] = []
        self.fail: dict[str, list[Response]] = {}

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        path = url.split("/", 3)[3].partition("?")[0]
        self.paths.append(f"{method} {path}")
        for end, answers in self.fail.items():
            if path.endswith(end) and answers:
                return answers.pop(0)
        return await self._real.send(method, url, headers, body)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def count(self, end: str) -> int:
        """How many requests went to addresses that end so."""
        return sum(path.endswith(end) for path in self.paths)


class Set:
    """A bench whose X is a simulator."""

    def __init__(self, bench: Bench, sim: Simulator, transport: Counting) -> None:
        self.bench, self.sim, self.transport = bench, sim, transport
        self.letters: list[DeadLetter] = []

    def id(self, name: str) -> str:
        """A user's id."""
        user = self.sim.world.named(name)
        assert user is not None
        return user.id

    async def handle(self, source: str, *, text: str = "hello", message_id: str = "1") -> None:
        """One message of Alice's, handled by this body of a handler."""
        body = "\n".join(f"                    {line}" for line in source.strip().splitlines())
        self.bench.load(
            f"""
                @on_direct_message
                async def handler(event, bot):
{body}
            """
        )
        await self.bench.put(dm(text, sender=self.id("alice"), message_id=message_id))
        settlement = await self.bench.step()
        assert settlement is not None
        assert isinstance(settlement.outcome, Done), self.bench.log.text

    async def drain(self, until: Callable[[], object], **settings: Any) -> None:
        """Send until something is so, letting time pass while nothing is due."""

        async def dead(letter: DeadLetter) -> None:
            self.letters.append(letter)

        for _ in range(12):
            sender = await self.bench.sender(dead, **settings)
            running = asyncio.create_task(sender.run())
            before = len(self.bench.log.lines("action_settled"))
            await self.bench.log.until(lambda b=before: len(self.bench.log.lines("action_settled")) > b)
            sender.stop()
            await running
            if until():
                return
            self.bench.clock.now += 10
        raise AssertionError("it never came to that")

    @property
    def messages(self) -> list[Any]:
        """What the bot said, in order."""
        return [one for one in self.sim.world.messages.values() if one.sender_id == ACCOUNT]

    @property
    def posts(self) -> list[Any]:
        """What the bot posted, in order, after the post that a simulator begins with."""
        return list(self.sim.world.posts_by(ACCOUNT))[1:]

    @property
    def api(self) -> Api:
        """X called now."""
        return Api(self.bench.client, ACCOUNT)


@pytest.fixture
def rich() -> bool:
    """Whether X lets the account use v1.1's message calls."""
    return False


@pytest.fixture
async def on(bench: Bench, rich: bool) -> AsyncIterator[Set]:
    config = SimulatorConfig(
        bot_id=ACCOUNT,
        access_token=f"{ACCOUNT}-token",
        limits="relaxed",
        rich_messages=rich,
        media_processing_s=0.0,
        require_summons=False,
    )
    async with Simulator(config, log=structlog.get_logger()) as sim:
        transport = Counting()
        bench.clock.now = time.time()
        bench.client = Client(
            transport,
            Credentials(
                config.consumer_key, config.consumer_secret, config.access_token, config.access_token_secret
            ),
            api_url=sim.url,
        )
        yield Set(bench, sim, transport)
        await transport.close()


# -- media ---------------------------------------------------------------------------------------------------


async def test_a_picture_is_uploaded_with_its_alt_text_just_before_the_message(on: Set) -> None:
    await on.handle(f"await bot.reply('look', media=bot.media({PNG!r}, alt_text='a dot'))")
    assert on.transport.paths == []
    await on.drain(lambda: on.messages)
    media = on.sim._parts.media.by_id(on.messages[0].media_id)
    assert media is not None
    assert (media.category, media.data, media.alt_text) == ("dm_image", PNG, "a dot")


async def test_a_file_goes_in_chunks_and_x_is_given_time_to_process_it(
    on: Set, tmp_path: Path, bench: Bench
) -> None:
    (tmp_path / "a.gif").write_bytes(GIF)
    media = on.sim._parts.media
    media._processing_s = 2.0
    media._clock = bench.clock
    await on.handle(f"await bot.post('moves', media=bot.media({str(tmp_path / 'a.gif')!r}))")
    await on.drain(lambda: on.posts)
    assert bench.log.lines("media_processing")
    assert on.transport.count("/finalize") == 1
    assert on.posts[0].media_ids


async def test_a_retry_does_not_upload_again(on: Set) -> None:
    on.transport.fail["/messages"] = [Response(503), Response(429, {}, b"{}", time.time() - 900)]
    await on.handle(f"await bot.reply('look', media=bot.media({PNG!r}, alt_text='a dot'))")
    await on.drain(lambda: on.messages, attempts=5)
    assert on.transport.count("media/upload") == 1
    assert on.transport.count("media/metadata") == 1
    assert on.transport.count("/messages") > 1


async def test_an_upload_that_is_lost_is_made_again_and_the_message_sent_once(on: Set) -> None:
    on.transport.fail["media/upload"] = [Response(503)]
    await on.handle(f"await bot.reply('look', media=bot.media({PNG!r}))")
    await on.drain(lambda: on.messages)
    assert [message.text.split(" ")[0] for message in on.messages] == ["look"]


async def test_a_closed_window_of_uploads_holds_up_nothing_else(on: Set, bench: Bench) -> None:
    limited = Response(429, {"x-rate-limit-reset": str(int(bench.clock.now) + 15)}, b"{}", bench.clock.now)
    on.transport.fail["media/upload"] = [limited]
    await on.handle(
        f"await bot.reply('look', media=bot.media({PNG!r}))\n"
        f"await bot.send_dm({on.id('bob')!r}, 'hi', unasked=True)"
    )
    await on.drain(lambda: len(on.messages) == 1)
    assert on.messages[0].text == "hi"
    bench.clock.now += 20
    await on.drain(lambda: len(on.messages) == 2)


async def test_a_file_that_has_changed_is_not_sent(on: Set, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    await on.handle(f"await bot.reply('look', media=bot.media({str(path)!r}))")
    path.write_bytes(PNG + b"more")
    await on.drain(lambda: on.letters)
    assert "another file" in on.letters[0].error
    assert on.messages == []


async def test_what_x_can_not_process_becomes_a_dead_letter(on: Set) -> None:
    on.sim._parts.media._faults.change({"media_failed": 1})
    await on.handle(f"await bot.reply('look', media=bot.media({GIF!r}))")
    await on.drain(lambda: on.letters)
    assert "could not process the gif" in on.letters[0].error


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("await bot.reply('x', media=[bot.media(PNG), bot.media(PNG)])", "one picture"),
        ("await bot.post('x', media=[bot.media(PNG), bot.media(GIF)])", "up to 4 pictures"),
        ("await bot.post('x', media=[bot.media(PNG)] * 5)", "up to 4 pictures"),
        ("bot.media(b'nothing')", "no picture"),
        ("bot.media('/nowhere/a.png')", "can't read"),
        ("bot.media(PNG, alt_text='a' * 1001)", "1000 characters"),
        ("bot.media(GIF[:6] + bytes([255] * 4) + GIF)", "1280 by 1080"),
        ("bot.media(PNG * 30_000)", "5 MB"),
        ("await bot.send_dm(['1', '2'], 'x', unasked=True, media=bot.media(PNG))", "to many"),
        ("await bot.send_group('12', 'x', media=[bot.media(PNG)] * 2)", "one picture"),
        ("await bot.thread([])", "nothing to send"),
        ("await bot.thread(['fits', 'x' * 281])", "weighs at most 280"),
        ("await bot.start_group(['1'], 'x', unasked=True)", "2 to 49"),
        ("await bot.start_group(['1', '2'], 'x')", "never wrote"),
    ],
)
async def test_what_x_would_refuse_is_refused_at_once(bench: Bench, source: str, reason: str) -> None:
    bench.load(
        f"""
            PNG, GIF = {PNG!r}, {GIF!r}
            @on_direct_message
            async def handler(event, bot):
                {source}
        """
    )
    await bench.put(dm())
    settlement = await bench.step()
    assert settlement is not None
    assert reason in settlement.effects.dead[0].error
    assert settlement.effects.items == []


# -- messages ------------------------------------------------------------------------------------------------

RICH = (
    "await bot.reply('Which?', options=['Red', QuickReplyOption(label='Blue')], "
    "buttons=[Button('Shop', 'https://example.com')])"
)


@pytest.mark.parametrize("rich", [True])
async def test_options_and_buttons_reach_the_other(on: Set) -> None:
    await on.handle(RICH)
    await on.drain(lambda: on.messages)
    (message,) = on.messages
    assert [option["label"] for option in message.options] == ["Red", "Blue"]
    assert message.ctas[0]["url"] == "https://example.com"


async def test_where_x_refuses_them_they_become_lines_and_x_is_not_asked_again_for_a_day(
    on: Set, bench: Bench
) -> None:
    await on.handle(RICH)
    await on.drain(lambda: on.messages)
    assert on.messages[0].text.startswith("Which?\n\n• Red\n• Blue\nShop: https://")
    await on.handle(RICH.replace("Which", "Again"), message_id="2")
    await on.drain(lambda: len(on.messages) == 2)
    assert on.transport.count("events/new.json") == 1
    assert len(bench.log.lines("rich_messages_off")) == 1
    assert on.letters == []
    bench.clock.now += 86_401
    await on.handle(RICH.replace("Which", "Later"), message_id="3")
    await on.drain(lambda: len(on.messages) == 3)
    assert on.transport.count("events/new.json") == 2


async def test_without_an_oauth_1_token_they_become_lines_too(on: Set, bench: Bench) -> None:
    config = on.sim.config
    bench.client = Client(
        on.transport,
        Credentials(access_token=config.access_token, oauth2_token=config.oauth2_token),
        api_url=on.sim.url,
    )
    await on.handle(RICH + "\nawait bot.mark_read()")
    await on.drain(lambda: on.messages)
    assert on.messages[0].text.startswith("Which?")
    assert bench.log.lines("sending_paused") == []


async def test_a_group_is_opened_and_written_to(on: Set) -> None:
    await on.handle(f"await bot.start_group([event.sender, {on.id('bob')!r}], 'all of you', unasked=True)")
    await on.drain(lambda: on.messages)
    group = on.messages[0].conversation_id
    await on.handle(f"await bot.send_group({group!r}, 'more')", message_id="2")
    await on.drain(lambda: len(on.messages) == 2)
    assert [(one.conversation_id, one.text) for one in on.messages] == [
        (group, "all of you"),
        (group, "more"),
    ]


# -- threads -------------------------------------------------------------------------------------------------


async def test_a_thread_is_a_chain_of_replies(on: Set) -> None:
    text = " ".join(f"Sentence number {number} of a long story." for number in range(30))
    await on.handle(f"await bot.thread({text!r}, numbered=True, media=bot.media({PNG!r}))")
    await on.drain(lambda: len(on.posts) == 5)
    first, *rest = on.posts
    assert first.text.startswith("Sentence number 0")
    assert [post.in_reply_to_id for post in rest] == [post.id for post in on.posts[:-1]]
    assert [post.full_text.split(" (")[1][:4] for post in on.posts] == [f"{n}/5)" for n in range(1, 6)]
    assert [bool(post.media_ids) for post in on.posts] == [True, False, False, False, False]
    assert await on.bench.store.queues("out:") == []


# -- X called now --------------------------------------------------------------------------------------------


async def test_lists_are_read_page_by_page(on: Set) -> None:
    world = on.sim.world
    bot = world.users[ACCOUNT]
    fans = [world.add_user(f"fan{number}") for number in range(1_203)]
    for fan in fans:
        world.relate("follow", fan, bot)
    found = [user.id async for user in on.api.followers()]
    assert sorted(found) == sorted(fan.id for fan in fans)
    assert on.transport.count("/followers") == 2
    alice = world.users[on.id("alice")]
    world.relate("follow", bot, alice)
    assert [user.username async for user in on.api.following()] == ["alice"]
    said = [world.publish_post(alice, f"@my_bot number {number}") for number in range(103)]
    assert [post.post_id async for post in on.api.mentions()] == [post.id for post in reversed(said)]
    home = [post.post_id async for post in on.api.timeline() if post.author_id == alice.id]
    assert home[: len(said)] == [post.id for post in reversed(said)]
    assert len([post async for post in on.api.posts_of(alice.id)]) >= 103
    assert on.transport.count(f"{alice.id}/tweets") == 2
    one = await on.api.post(said[0].id)
    assert (one.author_id, one.text) == (alice.id, "@my_bot number 0")
    assert {post.post_id for post in await on.api.posts([said[0].id, said[1].id])} == {
        said[0].id,
        said[1].id,
    }


@pytest.mark.parametrize("rich", [True])
async def test_welcome_messages_are_made_shown_and_deleted(on: Set) -> None:
    made = await on.api.create_welcome_message("Hello & welcome", name="first")
    rule = await on.api.create_welcome_rule(made.id)
    assert await on.api.welcome_messages() == (made,)
    assert (made.name, made.text) == ("first", "Hello & welcome")
    assert await on.api.welcome_rules() == (rule,)
    assert rule.welcome_message_id == made.id
    await on.api.delete_welcome_rule(rule.id)
    assert await on.api.welcome_rules() == ()
    await on.api.delete_welcome_message(made.id)
    assert await on.api.welcome_messages() == ()
    with pytest.raises(ActionRefused, match="9990"):
        await on.api.create_welcome_message("x" * 9_991)


async def test_an_upload_now_waits_until_x_is_done(on: Set, bench: Bench) -> None:
    media = on.sim._parts.media
    media._processing_s = 4.0
    media._clock = bench.clock
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        bench.clock.now += seconds

    api = Api(bench.client, ACCOUNT, now=bench.clock, sleep=sleep)
    media_id = await api.upload(GIF, to="post", alt_text="moves")
    found = media.by_id(media_id)
    assert found is not None
    assert (found.category, found.alt_text) == ("tweet_gif", "moves")
    assert slept
    assert sum(slept) >= 4.0


# -- typing --------------------------------------------------------------------------------------------------

TYPING = """
async with bot.typing():
    await asyncio.sleep(0)
    await asyncio.sleep(0)
return 'done'
"""


async def test_typing_where_x_has_none_disturbs_nobody(on: Set) -> None:
    await on.handle("import asyncio\n" + TYPING)
    await on.drain(lambda: on.messages)
    assert [message.text for message in on.messages] == ["done"]
