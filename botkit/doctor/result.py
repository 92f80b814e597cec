"""What a check finds: one line, with the reason and the fix."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Failed", "Result", "Status", "ok", "warning"]


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the doctor's.

    :param name: what was checked; ``""`` until the doctor fills it in.
    :param line: what was found.
    :param fix: what to do; ``""`` when there is nothing to do.
    """

    status: Status
    line: str
    fix: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """The finding and the fix in one line."""
        # What X said may end like a sentence.
        return " ".join((f"{self.line.rstrip('. ')}; {self.fix}" if self.fix else self.line).split())


class Failed(Exception):
    """Ends a check: the reason, and the fix."""

    def __init__(self, line: str, fix: str) -> None:
        super().__init__(line)
        self.line, self.fix = line, fix


def ok(line: str) -> Result:
    """All is well."""
    return Result(Status.OK, line)


def warning(line: str, fix: str) -> Result:
    """It works, and a person should look at it."""
    return Result(Status.WARNING, line, fix)
