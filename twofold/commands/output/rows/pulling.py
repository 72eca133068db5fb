"""Lines about what was fetched from platforms, shops and banks, and about lists of people that are kept there."""

from __future__ import annotations

from twofold.commands.output.rows.row import Row, Text, Time


class Day(Row, kw_only=True, tag="day"):
    """What one day of one account came to, in lines. The last three are null in a dry run."""

    source: Text
    account: Text  # name of the [[account]]
    day: Text  # YYYY-MM-DD, as the source counts it
    lines: int
    new: int | None
    restated: int | None  # told otherwise than before; what was said then stays beside it
    unchanged: int | None


class Problem(Row, kw_only=True, tag="problem"):
    """What could not be had, of which days, and who must act."""

    source: Text
    account: Text
    since: Text
    until: Text
    code: Text  # of docs/pulling.md, or why rows were refused
    who: Text  # operator, platform, nobody (it passes by itself)
    text: Text


class Audience(Row, kw_only=True, tag="audience"):
    """One list of an audience, as it stood when it was last worked out; an audience without a list has one line."""

    name: Text
    rule: Text  # empty: in no setting any more, and being emptied
    dataset: Text
    days: int
    account: Text  # name of the [[account]]; empty: no list
    platform: Text
    list: Text  # its id there
    smallest: int  # people that it needs before anybody is put on it
    fitting: int | None  # people who fit the rule; null before the first round
    people: int | None  # of them, those who may be told to this platform
    left_out: dict[str, int]  # reason to people
    told: int  # rows that the platform has or may have
    taking_back: int  # of them, rows whose removal it has taken and not confirmed
    listed_at: Time | None
    synced_at: Time | None  # when it had last been told all
    code: Text
    problem: Text


class Synced(Row, kw_only=True, tag="synced"):
    """What became of one list in a round; in a dry run what would be told."""

    audience: Text
    account: Text
    platform: Text
    people: int
    to_add: int  # rows that were due
    to_remove: int
    added: int  # rows that the platform took
    removed: int
    code: Text
    problem: Text


class Request(Row, kw_only=True, tag="request"):
    """One request that added rows to a list or took them off."""

    id: int
    audience: Text
    account: Text
    platform: Text
    kind: Text  # add, remove
    meant_at: Time  # on disk before it left
    ended_at: Time | None  # null: nobody knows what became of it
    rows: int
    em: int  # digests of e-mail addresses
    ph: int  # digests of telephones
    digest: Text  # stands for the rows
    outcome: Text
    code: Text
    note: Text
    number: Text  # the platform's own
    later: Text  # what it told about that number afterwards


class Exported(Row, kw_only=True, tag="exported"):
    """A list that was written as a file."""

    audience: Text
    platform: Text
    people: int
    rows: int
    file: Text


COMMANDS: dict[str, tuple[type[Row], ...]] = {
    "pull": (Day, Problem),
    "audiences": (Audience,),
    "audiences sync": (Synced,),
    "audiences trail": (Request,),
    "audiences export": (Exported,),
}
