"""Which roles go with which store and network, and what is said when they don't."""

from __future__ import annotations

from typing import Any

import pytest

from botkit.config import Config, parse_config
from botkit.errors import UserError
from botkit.roles.kinds import ALL, Role, check_store, name_of, refuse
from botkit.roles.parts import Grace

PG = "postgresql://bot:very-secret@db/bot"


def config(store: str = PG, network: str = "x") -> Config:
    return parse_config(f"network: {network}\nstore: {store}\n", environ={})


@pytest.mark.parametrize("store", ["sqlite:///botkit.db", PG])
@pytest.mark.parametrize("network", ["x", "simulator"])
def test_one_process_with_all_roles_runs_anywhere(store: str, network: str) -> None:
    refuse(config(store, network), ALL, 1)


@pytest.mark.parametrize("roles", [{Role.RECEIVER}, {Role.WORKER}, {Role.SENDER, Role.WORKER}])
def test_roles_are_split_on_postgresql(roles: set[Role]) -> None:
    refuse(config(), roles, 1)


@pytest.mark.parametrize(
    ("roles", "processes", "asked"),
    [
        ({Role.WORKER}, 1, "--role worker"),
        ({Role.SENDER, Role.RECEIVER}, 1, "--role receiver --role sender"),
        (ALL, 4, "--processes 4"),
    ],
)
def test_sqlite_serves_one_process(roles: set[Role], processes: int, asked: str) -> None:
    with pytest.raises(UserError) as caught:
        refuse(config("sqlite:///botkit.db"), roles, processes)
    assert str(caught.value) == (
        f"{asked} splits the bot over processes, and the store sqlite:///botkit.db serves one; "
        f"run without {asked}, or write store: postgresql://user:password@host/database"
    )


def test_the_simulator_lives_in_one_process() -> None:
    with pytest.raises(UserError, match=r"^--processes 2 .*`botkit simulator`.*network: x"):
        refuse(config(network="simulator"), ALL, 2)


def test_processes_are_receivers() -> None:
    with pytest.raises(UserError, match=r"add --role receiver"):
        refuse(config(), {Role.WORKER}, 2)


class Plain:
    """A plugin's store that does not say that it serves several processes."""


class Shared:
    """One that does."""

    shared = True


def test_a_plugins_store_says_whether_it_serves_several_processes() -> None:
    plain: Any = Plain()
    shared: Any = Shared()
    own = config("redis://bot:very-secret@cache/0")
    check_store(plain, own, ALL, 1)
    check_store(shared, own, {Role.WORKER}, 2)
    check_store(plain, config(), {Role.WORKER}, 1)
    with pytest.raises(UserError, match=r"^--role worker .*redis://bot:…@cache/0 serves one") as caught:
        check_store(plain, own, {Role.WORKER}, 1)
    assert "very-secret" not in str(caught.value)


def test_roles_are_named_in_one_order() -> None:
    assert name_of({Role.SENDER, Role.WORKER}) == "worker+sender"


@pytest.mark.parametrize("total_s", [0.0, 1.0, 20.0, 3600.0])
def test_the_grace_period_is_never_exceeded(total_s: float) -> None:
    grace = Grace.of(total_s)
    assert grace.web_s + grace.turns_s == pytest.approx(total_s)
    assert grace.web_s <= 5.0
    half_time = grace.turns_s - grace.sends_s
    assert half_time + grace.sends_s == pytest.approx(grace.turns_s)
