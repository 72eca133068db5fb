"""Every exception of the project. Each class docstring is the default message and says who must act.

Refusing an event is not here: a refusal is a value (`twofold.event.refusal`). Exceptions are for
bugs, broken configuration and the outside world.
"""

from __future__ import annotations

from collections.abc import Sequence


class TwofoldError(Exception):
    """Something went wrong inside Twofold; the message says where. Report it if it repeats."""

    exit_code = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__class__.__doc__ or "").strip().splitlines()[0])


class ConfigError(TwofoldError):
    """The configuration cannot be used; the operator must change the named setting."""

    exit_code = 2

    def __init__(self, message: str | None = None, faults: Sequence[tuple[str, int]] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)  # each with its line, 0 where the file does not hold it


class NotHere(TwofoldError):
    """The person, order or row that was named is not in this data folder; look at the name, the dataset and the folder."""

    exit_code = 5


class StoreError(TwofoldError):
    """The data folder cannot be used; the operator must look at the disk or the folder."""

    exit_code = 3


class StoreLocked(StoreError):
    """Another process owns this data folder; stop it first, or point this one at another folder."""

    exit_code = 4


class StoreNewer(StoreError):
    """This data folder was written by a newer version; the operator must upgrade Twofold."""


class StoreOlder(StoreError):
    """This data folder was written by an older version; start the gateway or the console of this one, which brings it along."""


class StoreFull(StoreError):
    """The disk is full; free space and the gateway accepts again by itself."""


class StoreBusy(StoreError):
    """More work is queued than the store may hold; the sender must wait and send again."""


class StoreAway(StoreBusy):
    """The database server cannot be reached or cannot write now; the gateway accepts again by itself once it can."""


class StoreInTheWay(StoreAway):
    """Other processes wrote to the database at the same moment, again and again; the same can be sent again at once."""


class StoreFailed(StoreError):
    """A write or flush failed, so nothing further may be acknowledged; restart after checking the disk."""


class RowFailed(StoreError):
    """What one piece of work met in the store stopped it, and nothing of it is kept; report it if it repeats."""

    def __init__(self, message: str | None = None, *, altered: bool = False) -> None:
        super().__init__(message)
        self.altered = altered  # something stored is not what was written; else a bug


class StoreDamaged(StoreError):
    """The journal does not add up; restore the named range from a backup before relying on it."""


class FileRefused(TwofoldError):
    """The file is not one that can be read, or not of the named format; export it again."""


class FactsError(TwofoldError):
    """The tables that reports ask cannot be read or made; the message says why. They are only derived: nothing is lost."""


class QuestionTooLarge(FactsError):
    """The question needs more memory than it may have; narrow its days, or raise `memory_mb` under [analytics]."""

    exit_code = 6


class QuestionTooSlow(FactsError):
    """The question takes longer than it may; narrow its days, or raise `deadline_s` under [analytics]."""

    exit_code = 6


def place_of(err: Exception) -> str:
    """File and line of an error, for the log; never its message, which could quote contact data."""
    trace = err.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
