"""What X's packages forbid, told before it costs anything.

X would refuse these actions with 403 after they were counted. botkit refuses them when the handler asks, with
the reason. Source: X docs, changelog 2026-02-23 and 2026-04-20, posts/manage-tweets,
fundamentals/counting-characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from botkit.errors import ActionRefused
from botkit.events import Event, Mention, Quote, Reply

__all__ = ["Package", "Rules"]

#: X's kinds of access: ``self-serve`` is everybody who signs up; ``enterprise`` is exempt from its limits
Package = Literal["self-serve", "enterprise"]

_CASHTAG = re.compile(r"(?<!\w)\$[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?(?!\w)")


@dataclass(frozen=True, slots=True)
class Rules:
    """What this bot's package allows.

    :param package: whose limits hold.
    :param long_posts: the accounts may post up to 25,000 characters.
    """

    package: Package = "enterprise"
    long_posts: bool = False

    @property
    def is_self_serve(self) -> bool:
        """The limits of self-serve packages hold."""
        return self.package == "self-serve"

    def check_engagement(self, what: str) -> None:
        """Follow, like and quote left all self-serve packages on 2026-04-20; blocking needs enterprise.

        :raises ActionRefused: the package lacks it.
        """
        if self.is_self_serve:
            raise ActionRefused(
                f"X's self-serve packages don't let a bot {what}; with enterprise access say so: "
                "x: {package: enterprise}"
            )

    def check_reply(self, event: Event) -> None:
        """A self-serve bot may answer a post only when its author summoned it: by a mention or a quote.

        A plain reply to the bot's own post does not count for sure: X's documents are silent, so a written
        mention is asked for.

        :raises ActionRefused: nobody summoned the bot.
        """
        if not self.is_self_serve or isinstance(event, Mention | Quote):
            return
        if isinstance(event, Reply) and any(user.id == event.account_id for user in event.mentions):
            return
        raise ActionRefused(
            "X lets self-serve bots reply only when the post's author @mentioned the account or quoted it, "
            f"and this {type(event).__name__} does neither; with enterprise access say so: "
            "x: {package: enterprise}"
        )

    def check_post(self, text: str, *, quote: bool) -> None:
        """A self-serve bot's post holds at most one cashtag, and quotes nobody.

        :raises ActionRefused: it does.
        """
        if quote:
            self.check_engagement("quote posts")
        if self.is_self_serve and len(set(_CASHTAG.findall(text))) > 1:
            raise ActionRefused("X's self-serve packages allow one cashtag ($NAME) in a post")
