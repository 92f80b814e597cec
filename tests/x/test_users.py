"""Users: X's spellings of them, members of another type than they should have, and what a `User` promises."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from botkit.events import User
from botkit.x.parse.users import Users, user_from

MEMBERS: dict[str, Any] = {
    "id_str": "1000000000000000001",
    "id": 1000000000000000000,
    "screen_name": "alice",
    "name": "Alice",
    "protected": True,
    "verified": True,
    "description": "Bicycles and bread",
    "location": "Lyon",
    "url": "https://alice.example",
    "profile_image_url_https": "https://pictures.example/alice.jpeg",
    "followers_count": 7,
    "friends_count": "26",
    "statuses_count": 3,
    "created_timestamp": "1457560357426",
}
ALICE = User(
    id="1000000000000000001",
    username="alice",
    name="Alice",
    protected=True,
    verified=True,
    description="Bicycles and bread",
    location="Lyon",
    url="https://alice.example",
    image_url="https://pictures.example/alice.jpeg",
    followers=7,
    following=26,
    posts=3,
    created_at=datetime(2016, 3, 9, 21, 52, 37, 426000, tzinfo=UTC),
)
#: what a member makes of a user when it can't be read
WITHOUT: dict[str, dict[str, Any]] = {
    "id_str": {"id": "1000000000000000000"},
    "id": {},
    "screen_name": {"username": ""},
    "name": {"name": "alice"},
    "protected": {"protected": False},
    "verified": {"verified": False},
    "description": {"description": ""},
    "location": {"location": ""},
    "url": {"url": ""},
    "profile_image_url_https": {"image_url": ""},
    "followers_count": {"followers": None},
    "friends_count": {"following": None},
    "statuses_count": {"posts": None},
    "created_timestamp": {"created_at": None},
}


def test_all_that_x_says_of_a_user_is_read() -> None:
    assert user_from(MEMBERS) == ALICE
    assert user_from({"data": MEMBERS}) == ALICE


@pytest.mark.parametrize("odd", [None, [], {}, 1.5, ["1"], {"a": 1}], ids=str)
@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_of_another_type_takes_nothing_but_itself_away(name: str, odd: object) -> None:
    assert user_from({**MEMBERS, name: odd}) == replace(ALICE, **WITHOUT[name])


def test_true_and_false_are_no_numbers_and_numbers_no_truth() -> None:
    odd = {
        "id": True,
        "followers_count": True,
        "created_timestamp": False,
        "protected": 1,
        "verified": "true",
    }
    assert user_from({**odd, "name": "Alice"}, user_id="5") == User(id="5", name="Alice")


@pytest.mark.parametrize("found", ["-1", "1.5", "", "1" * 21, "١٢", -1.0])
def test_a_count_that_is_no_whole_number_is_none(found: object) -> None:
    assert user_from({"id": "5", "followers_count": found}).followers is None


@pytest.mark.parametrize("found", [-1, 1 << 128, "", "1" * 257])
def test_an_id_that_is_none_is_not_taken(found: object) -> None:
    assert user_from({"id": found}, user_id="5").id == "5"


def test_counts_of_v2_are_read_one_by_one() -> None:
    metrics = {"followers_count": 1, "following_count": [], "post_count": 3, "tweet_count": None}
    user = user_from({"id": "5", "username": "bob", "public_metrics": metrics})
    assert (user.followers, user.following, user.posts) == (1, None, 3)
    zero = user_from({"id": "5", "followers_count": 0, "public_metrics": metrics})
    assert zero.followers == 0


def test_what_stands_under_an_id_is_about_that_id() -> None:
    users = Users({"5": {"name": "Bob"}, "6": {"id": "7", "name": "Carol"}, "8": "nobody"})
    assert users["5"] == User(id="5", name="Bob")
    assert users["6"] == User(id="6", name="6")
    assert users["8"] == users["8"] == User(id="8", name="8")


def test_a_user_is_compared_by_value_hashed_and_never_changed() -> None:
    twin = user_from(MEMBERS)
    assert twin == ALICE
    assert hash(twin) == hash(ALICE)
    assert twin != replace(twin, location="Paris")
    with pytest.raises(AttributeError):
        twin.name = "Bob"  # type: ignore[misc]
    with pytest.raises(TypeError):
        User("5")  # type: ignore[call-arg]


def test_what_people_write_of_themselves_is_in_no_repr() -> None:
    assert repr(ALICE) == (
        "User(id='1000000000000000001', username='alice', name='Alice', protected=True, verified=True, "
        "followers=7, following=26, posts=3, created_at=datetime.datetime(2016, 3, 9, 21, 52, 37, 426000, "
        "tzinfo=datetime.timezone.utc))"
    )
    shown = dict(ALICE.__rich_repr__())
    assert shown.keys().isdisjoint({"description", "location", "url", "image_url"})
