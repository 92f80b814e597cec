"""The autoresponder answers as bot.yaml says, and keeps silent when it must."""

from __future__ import annotations

import pytest

from botkit import User, hours, minutes

PRICES = {"contains": ["price", "cost"], "reply": "See our prices."}


# -- rules ---------------------------------------------------------------------------------------------------


async def test_contains_finds_one_of_its_texts_anywhere_in_any_case(responder):
    bot = await responder(rules=[PRICES])
    for text in ("price", "What does it COST?", "prices please"):
        assert await bot.dm(text) == ["See our prices."]
    assert await bot.dm("how much?") == []


async def test_equals_is_the_whole_message(responder):
    bot = await responder(rules=[{"equals": ["hours", "when"], "reply": "9 to 5."}])
    assert await bot.dm(" Hours ") == ["9 to 5."]
    assert await bot.dm("when") == ["9 to 5."]
    assert await bot.dm("your hours") == []


async def test_named_groups_of_a_regex_stand_in_the_reply(responder):
    rule = {
        "regex": r"order (?P<number>[0-9]+)(?: to (?P<town>\w+))?",
        "reply": "{number} to <{town}>, {sender.name}.",
    }
    bot = await responder(rules=[rule])
    assert await bot.dm("my ORDER 42 to Ulm") == ["42 to <Ulm>, alice."]
    assert await bot.dm("order 7") == ["7 to <>, alice."]
    assert await bot.dm("order x") == []


@pytest.mark.parametrize("kind", ["contains", "equals", "regex"])
async def test_case_tells_upper_from_lower_in_every_kind_of_rule(responder, kind):
    bot = await responder(rules=[{kind: "US", "case": True, "reply": "yes"}])
    assert await bot.dm("US") == ["yes"]
    assert await bot.dm("us") == []


async def test_the_first_rule_that_matches_answers_alone(responder):
    rules = [{"contains": "a", "reply": "first"}, {"contains": "ab", "reply": "second"}]
    bot = await responder(rules=[*rules, {"equals": "b", "reply": "third"}])
    assert await bot.dm("ab") == ["first"]
    assert await bot.dm("b") == ["third"]


async def test_a_reply_that_comes_out_empty_is_no_answer(responder):
    bot = await responder(rules=[{"regex": "^x(?P<rest>.*)", "reply": "{rest}"}], default="nothing there")
    assert await bot.dm("xy") == ["y"]
    assert await bot.dm("x") == ["nothing there"]


async def test_a_reply_that_grows_too_long_is_cut(responder):
    bot = await responder(rules=[{"regex": "^(?P<all>.*)$", "reply": "You said {all}"}])
    (reply,) = await bot.dm("a" * 10_000)
    assert reply == "You said " + "a" * 9_991


async def test_a_picture_without_a_text_gets_the_default_and_no_rule(responder):
    bot = await responder(rules=[PRICES, {"equals": "a", "reply": "rule"}], default="default")
    assert await bot.dm("") == ["default"]


# -- places --------------------------------------------------------------------------------------------------


async def test_the_senders_places(responder):
    bot = await responder(default="{sender.name} @{sender.username} {sender.id} {{sender.id}}")
    ada = User(id="5", username="ada", name="Ada L.")
    assert await bot.dm("?", sender=ada) == ["Ada L. @ada 5 {sender.id}"]
    assert await bot.dm("?", sender=User(id="6")) == ["6 @6 6 {sender.id}"]


async def test_what_people_write_is_never_looked_into(responder):
    rules = [{"regex": "say (?P<what>.+)", "reply": "{what}, {sender.name}"}]
    bot = await responder(rules=rules, greeting="Hi {sender.name}")
    mallory = User(id="7", username="mallory", name="{sender.id} {what} {0.__class__} {{ }")
    assert await bot.dm("say {sender.id} {sender.name!r}", sender=mallory) == [
        "Hi {sender.id} {what} {0.__class__} {{ }",
        "{sender.id} {sender.name!r}, {sender.id} {what} {0.__class__} {{ }",
    ]


# -- greeting and default ------------------------------------------------------------------------------------


async def test_everybody_is_greeted_once_before_the_first_answer(responder):
    bot = await responder(greeting="Hello {sender.name}!", rules=[PRICES])
    assert await bot.dm("price?") == ["Hello alice!", "See our prices."]
    assert await bot.dm("price?") == ["See our prices."]
    assert await bot.dm("something else") == []
    assert await bot.dm("something", sender="bob") == ["Hello bob!"]


async def test_the_default_answers_what_no_rule_does_but_not_behind_a_greeting(responder):
    bot = await responder(greeting="Hello!", rules=[PRICES], default="A colleague will write.")
    assert await bot.dm("anybody?") == ["Hello!"]
    assert await bot.dm("anybody?") == ["A colleague will write."]
    assert await bot.dm("price?") == ["See our prices."]


async def test_without_settings_it_answers_nothing_but_opt_outs(responder):
    bot = await responder()
    for text in ("hello", "", "price", "start"):
        assert await bot.dm(text) == []
    assert len(await bot.dm("stop")) == 1


@pytest.mark.parametrize("settings", ["", "{}", "{rules: [], greeting: '', default: ''}"])
async def test_empty_settings_are_none(beside, settings):
    bot = beside(settings, OTHER)
    assert await bot.dm("hello") == []


# -- other plugins -------------------------------------------------------------------------------------------

OTHER = """
@on_direct_message(contains("price"))
async def price(event):
    return "from the other"
"""


@pytest.mark.parametrize(
    "settings",
    [
        "{default: nobody knows}",
        "{greeting: Hello}",
        "{office_hours: {open: '09:00', close: '10:00', closed: We are closed.}}",
    ],
)
async def test_what_another_plugin_answered_gets_no_fallback(beside, settings):
    bot = beside(settings, OTHER)
    assert await bot.dm("price") == ["from the other"]
    assert len(await bot.dm("else")) == 1


async def test_a_rule_answers_beside_another_plugin(beside):
    bot = beside("{rules: [{equals: price, reply: from the rule}]}", OTHER)
    assert await bot.dm("price") == ["from the rule", "from the other"]


# -- opting out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["stop", "STOP", " Stop. ", "unsubscribe!", "“stop”"])
async def test_an_opt_out_ends_all_answers_and_is_answered_once(responder, word):
    bot = await responder(greeting="Hello!", rules=[PRICES], default="default")
    (told,) = await bot.dm(word)
    assert "START" in told
    for text in ("price", "anything", "stop", "Hello"):
        assert await bot.dm(text) == []
    assert await bot.dm("price", sender="bob") == ["Hello!", "See our prices."]


async def test_opting_in_again_brings_the_answers_back(responder):
    bot = await responder(rules=[PRICES], stopped="Bye {sender.name}", started="Hi again, {sender.name}")
    assert await bot.dm("stop") == ["Bye alice"]
    assert await bot.dm("Start!") == ["Hi again, alice"]
    assert await bot.dm("price") == ["See our prices."]
    assert await bot.dm("stop") == ["Bye alice"]


async def test_a_stop_inside_a_sentence_is_none(responder):
    bot = await responder(default="default")
    assert await bot.dm("please stop by") == ["default"]
    assert await bot.dm("anything") == ["default"]


async def test_own_words_and_no_words(responder):
    bot = await responder(
        default="default", stop="genug", start=["weiter", "los"], stopped="", started="Gut."
    )
    assert await bot.dm("stop") == ["default"]
    assert await bot.dm("Genug") == []
    assert await bot.dm("anything") == []
    assert await bot.dm("los") == ["Gut."]


async def test_without_opt_out_words_there_is_no_opt_out(responder):
    bot = await responder(default="default", stop=[])
    assert await bot.dm("stop") == ["default"]
    assert await bot.dm("start") == ["default"]


async def test_start_is_a_message_like_any_other_from_who_never_opted_out(responder):
    bot = await responder(
        rules=[PRICES, {"contains": "start", "reply": "We start at 9."}], greeting="Hello!", default="default"
    )
    assert await bot.dm("start") == ["Hello!", "We start at 9."]


async def test_start_without_a_rule_gets_what_every_message_gets(responder):
    bot = await responder(rules=[PRICES], default="default")
    assert await bot.dm("start") == ["default"]


# -- a human takes over --------------------------------------------------------------------------------------


async def test_the_bot_keeps_out_for_a_while_after_its_owner_answered_by_hand(responder, wrote):
    bot = await responder(rules=[PRICES], default="default", quiet_after_human="2h")
    assert await bot.dm("price") == ["See our prices."]
    await wrote(bot)
    for text in ("price", "anything"):
        assert await bot.dm(text) == []
    assert await bot.dm("price", sender="bob") == ["See our prices."]
    bot.clock.now += hours(2) - 1
    assert await bot.dm("price") == []
    bot.clock.now += 1
    assert await bot.dm("price") == ["See our prices."]
    assert await bot.dm("anything") == ["default"]


async def test_every_message_by_hand_begins_the_quiet_anew(responder, wrote):
    bot = await responder(default="default", quiet_after_human="1h")
    await wrote(bot)
    bot.clock.now += minutes(59)
    await wrote(bot)
    bot.clock.now += minutes(59)
    assert await bot.dm("anything") == []


async def test_the_bots_own_messages_are_no_humans(responder, wrote):
    bot = await responder(default="default", quiet_after_human="2h")
    await wrote(bot, by_bot=True)
    assert await bot.dm("anything") == ["default"]


async def test_an_opt_out_is_obeyed_while_a_human_has_taken_over(responder, wrote):
    bot = await responder(default="default", quiet_after_human="1h")
    await wrote(bot)
    assert len(await bot.dm("stop")) == 1
    bot.clock.now += hours(2)
    assert await bot.dm("anything") == []


async def test_without_quiet_a_human_changes_nothing(responder, wrote):
    bot = await responder(default="default")
    await wrote(bot)
    assert await bot.dm("anything") == ["default"]
