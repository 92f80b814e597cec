"""What every action has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from botkit.media import Attachment, Place
from botkit.x.wire import Call

__all__ = ["TO_COME", "Action"]

#: stands for an upload that is still to be made, while an action is checked
TO_COME = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(ABC):
    """Something to be done once, as one account."""

    #: its name in the store and in ``botkit inbox``
    kind: ClassVar[str]
    #: when X refuses it, drop it with a log line instead of keeping a dead letter
    best_effort: ClassVar[bool] = False

    @property
    @abstractmethod
    def target(self) -> str:
        """The user or post it is about: actions with one target keep their order."""

    @abstractmethod
    def call(self, account_id: str) -> Call[Any]:
        """The request that carries it out.

        :raises ActionRefused: X's documented limits forbid it as it is.
        """

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """What must be uploaded before it can be carried out."""
        return ()

    #: where attachments go
    place: ClassVar[Place] = "dm"

    def with_uploads(self, media_ids: tuple[str, ...]) -> Action:
        """The action with its attachments uploaded, in their order."""
        return self
