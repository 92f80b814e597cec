"""Every token the app holds, and how each ends.

Three kinds (Source: X docs, fundamentals/authentication): the OAuth 1.0a pair of a user, which lives until
somebody ends it; OAuth 2.0 grants with access tokens of two hours and refresh tokens that work once; the
app's own bearer token.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botkit.simulator.scopes import EVERYTHING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from botkit.simulator.config import Permission, SimulatorConfig

__all__ = ["AccessToken", "Grant", "Tokens", "UserKey", "same"]

#: Source: X docs, authentication/oauth-2-0
ACCESS_TOKEN_S = 7200


@dataclass(slots=True, eq=False)
class UserKey:
    """A user's OAuth 1.0a pair; the permission is the one that it was issued with."""

    token: str = field(repr=False)
    secret: str = field(repr=False)
    user_id: str
    permission: Permission


@dataclass(slots=True, eq=False)
class Grant:
    """What a user allowed by OAuth 2.0; all its tokens end with it."""

    user_id: str
    scopes: frozenset[str]
    ended: bool = False

    @property
    def scope(self) -> str:
        """As a token answer writes it."""
        return " ".join(sorted(self.scopes))


@dataclass(slots=True, eq=False)
class AccessToken:
    """An OAuth 2.0 access token; ``expires_at`` in Unix seconds, ``None``: never."""

    grant: Grant
    expires_at: float | None


class Tokens:
    """The tokens of the app."""

    def __init__(self, config: SimulatorConfig, *, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock, self._rng = clock, rng
        self._keys: dict[str, UserKey] = {}
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, Grant] = {}
        self._strange: set[str] = set()
        self._bearer = config.bearer_token
        for account in config.connected:
            key = UserKey(account.access_token, account.access_token_secret, account.id, account.permission)
            self._keys[key.token] = key
            if account.oauth2_token:
                grant = Grant(account.id, EVERYTHING)
                self._access[account.oauth2_token] = AccessToken(grant, None)

    def make(self, bits: int = 160) -> str:
        """A new random text."""
        return f"{self._rng.getrandbits(bits):0{bits // 4}x}"

    # -- OAuth 1.0a --------------------------------------------------------------------------------------

    def key(self, token: str) -> UserKey | None:
        """The pair of an access token."""
        return self._keys.get(token)

    def issue_key(self, user_id: str, permission: Permission) -> UserKey:
        """A user's pair: the one that there is, unless it has another permission."""
        for known in self._keys.values():
            if known.user_id == user_id and known.permission == permission:
                return known
        made = UserKey(f"{user_id}-{self.make()}", self.make(), user_id, permission)
        self._keys[made.token] = made
        return made

    def end_key(self, token: str) -> None:
        """End one pair."""
        self._keys.pop(token, None)

    def set_permission(self, user_id: str, permission: Permission) -> None:
        """Change the level that a user's pairs were issued with."""
        for key in self._keys.values():
            if key.user_id == user_id:
                key.permission = permission

    # -- OAuth 2.0 ---------------------------------------------------------------------------------------

    def access(self, token: str) -> Grant | None:
        """The grant behind an access token that is still good."""
        found = self._access.get(token)
        if found is None or found.grant.ended:
            return None
        return None if found.expires_at is not None and found.expires_at <= self._clock() else found.grant

    def issue(self, grant: Grant) -> dict[str, str | int]:
        """A token answer: an access token, and a refresh token when ``offline.access`` was granted."""
        access = self.make(256)
        self._access[access] = AccessToken(grant, self._clock() + ACCESS_TOKEN_S)
        answer: dict[str, str | int] = {
            "token_type": "bearer",
            "expires_in": ACCESS_TOKEN_S,
            "access_token": access,
            "scope": grant.scope,
        }
        if "offline.access" in grant.scopes:
            refresh = self.make(256)
            self._refresh[refresh] = grant
            answer["refresh_token"] = refresh
        return answer

    def use_refresh(self, token: str) -> Grant | None:
        """Use a refresh token up; ``None`` when it is none, or was used before."""
        grant = self._refresh.pop(token, None)
        return None if grant is None or grant.ended else grant

    def end_grant_of(self, token: str) -> None:
        """End the grant that an access or refresh token belongs to."""
        access = self._access.get(token)
        grant = access.grant if access else self._refresh.get(token)
        if grant is not None:
            grant.ended = True

    def expire(self, user_id: str) -> int:
        """Let a user's OAuth 2.0 access tokens be over; returns how many. Refresh tokens stay good."""
        mine = [one for one in self._access.values() if one.grant.user_id == user_id and not one.grant.ended]
        for one in mine:
            one.expires_at = self._clock()
        return len(mine)

    def end_grants(self, user_id: str) -> None:
        """End all that a user allowed by OAuth 2.0: access and refresh tokens."""
        for grant in self._grants(user_id):
            grant.ended = True

    def set_scopes(self, user_id: str, wanted: frozenset[str]) -> None:
        """Change what a user's grants allow."""
        for grant in self._grants(user_id):
            grant.scopes = wanted

    def _grants(self, user_id: str) -> set[Grant]:
        found = {one.grant for one in self._access.values()} | set(self._refresh.values())
        return {grant for grant in found if grant.user_id == user_id and not grant.ended}

    # -- the app -----------------------------------------------------------------------------------------

    def bearer(self) -> str:
        """The app's token: the same one until it is invalidated (Source: X docs, application-only)."""
        if not self._bearer:
            self._bearer = f"AAAA{self.make(256)}"
        return self._bearer

    def is_bearer(self, token: str) -> bool:
        """Whether this is the app's token."""
        return bool(self._bearer) and same(token, self._bearer)

    def end_bearer(self) -> None:
        """End the app's token; the next one is another."""
        self._bearer = ""

    def issue_strange(self) -> str:
        """A token of a kind that no call takes, see `botkit.simulator.oauth2`."""
        token = self.make(256)
        self._strange.add(token)
        return token

    def is_strange(self, token: str) -> bool:
        """Whether a token is of that kind."""
        return token in self._strange

    # -- users -------------------------------------------------------------------------------------------

    def connected(self) -> list[str]:
        """The ids of all users that some living token acts for, in the order they came."""
        ids = [key.user_id for key in self._keys.values()]
        ids += [one.grant.user_id for one in self._access.values() if not one.grant.ended]
        return list(dict.fromkeys(ids))

    def allowed_before(self, user_id: str, permission: Permission) -> bool:
        """Whether a user has an OAuth 1.0a pair of this level."""
        return any(key.user_id == user_id and key.permission == permission for key in self._keys.values())

    def revoke(self, user_id: str) -> None:
        """End all tokens of a user."""
        for token in [token for token, key in self._keys.items() if key.user_id == user_id]:
            del self._keys[token]
        self.end_grants(user_id)

    def state(self) -> list[dict[str, object]]:
        """Who allowed what, without any token."""
        return [
            {
                "user_id": user_id,
                "permissions": sorted(
                    key.permission for key in self._keys.values() if key.user_id == user_id
                ),
                "scopes": sorted({scope for grant in self._grants(user_id) for scope in grant.scopes}),
            }
            for user_id in self.connected()
        ]


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
