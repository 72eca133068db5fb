"""Lines about the program itself: servers, checks, the clock, what a restore or an accepted loss comes to."""

from __future__ import annotations

from twofold.commands.output.rows.row import Amount, Row, Text, Time
from twofold.commands.output.rows.signal import PlantedFault


class Version(Row, kw_only=True, tag="version"):
    """The version of the program."""

    version: Text


class Listening(Row, kw_only=True, tag="listening"):
    """A server takes requests at this address from now on."""

    what: Text  # gateway or sandbox
    address: Text


class ConsoleListening(Row, kw_only=True, tag="listening"):
    """The console takes requests at this address from now on."""

    address: Text
    link: Text | None = None  # lets the first person in, once; None where there is an owner already


class Measure(Row, kw_only=True, tag="measure"):
    """One way of counting the demo's purchases."""

    measured_by: Text
    purchases: int
    value: Amount
    currency: Text
    expected: bool | None = None  # is it what it had to be? Only for the line that Twofold answers for


class ChainFigure(Row, kw_only=True, tag="figure"):
    """One figure beside the truth: of a world's chain a `link`, `leak`, `open`, `matrix`, `residual`; of the demo's live orders a `crossing`."""

    what: Text
    name: Text
    count: int
    amount: Amount
    true_count: int
    true_amount: Amount
    currency: Text
    exact: bool


class Line(Row, kw_only=True, tag="line"):
    """One thing that was looked at."""

    name: Text
    state: Text  # ok: in order; do: something must be done; look: somebody should look
    text: Text
    command: Text | None = None  # what mends it
    file: Text | None = None
    line: int | None = None


class Check(Row, kw_only=True, tag="check"):
    """Two sums that must be equal."""

    name: Text
    left: int
    right: int
    holds: bool
    note: Text = ""


class ClockState(Row, kw_only=True, tag="clock"):
    """How far the machine's clock is believed: `ok` or `doubted`."""

    state: Text
    off_by_s: int | None = None
    against: Text | None = None
    believed_in_s: int | None = None
    time: Time | None = None  # what the gateway goes by


class BackedUp(Row, kw_only=True, tag="backup"):
    """What was kept elsewhere: the `database`, or the files of `erasures` and withdrawals."""

    what: Text
    place: Text
    at: Time
    set: Text | None = None  # of the database
    position: int | None = None  # the last one in it
    bytes: int | None = None  # what it holds
    written: int | None = None  # what of it was not there yet, as written
    forgotten: int | None = None  # older sets that went
    lines: int | None = None  # of the erasures and withdrawals
    sealed: bool | None = None


class Installed(Row, kw_only=True, tag="file"):
    """A file of the service: `written`, `unchanged`, `left` as it says something else, `would write`; or something to `look` at."""

    file: Text
    did: Text
    text: Text | None = None


class Restored(Row, kw_only=True, tag="restored"):
    """What a restore put back; the checks of `verify` follow."""

    position: int  # the last one that is there
    missing_from: int | None
    missing_to: int | None
    erased_again: int


class MovedStore(Row, kw_only=True, tag="moved"):
    """A store that was copied to another engine; the checks of `verify` over it follow."""

    source: Text
    target: Text
    rows: int  # of all tables
    finished: bool  # an earlier move had copied them, and only its last step was missing


class AcceptedLoss(Row, kw_only=True, tag="accepted"):
    """The loss that was accepted; nothing was when ``what`` is empty."""

    what: Text
    missing_from: int | None
    missing_to: int | None


class Watermark(Row, kw_only=True, tag="watermark"):
    """Up to which position events were acknowledged, as kept outside the database, and what is missing of them."""

    position: int | None = None  # None: there is no mark, or none that can be read
    run: int | None = None  # how often the folder had been opened
    closed: bool | None = None  # whether it was closed in order
    problem: Text = ""  # with the file
    missing: Text = ""  # in words; empty when nothing is
    missing_from: int | None = None
    missing_to: int | None = None


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "version": (Version,),
    "serve": (Listening, ConsoleListening),
    "sandbox": (Listening,),
    "console": (ConsoleListening,),
    "demo": (Measure, ChainFigure),
    "world": (ChainFigure, PlantedFault),
    "check": (Line,),
    "verify": (Check,),
    "backup": (BackedUp,),
    "install-service": (Installed,),
    "restore": (
        Restored,
        Check,
    ),
    "move": (
        MovedStore,
        Check,
    ),
    "watermark show": (Watermark,),
    "watermark accept": (AcceptedLoss,),
    "clock show": (ClockState,),
    "clock accept": (ClockState,),
}
