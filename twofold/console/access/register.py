"""The register of people: `console.db` in the data folder, with mode 0600.

Owns people, sessions, one-time links and failed tries, and the rules of each: how long a session lives, how often a
password may be tried, that a link works once. Tokens are kept as digests only. Not: what a role may do (`roles`), cookies
and forms (`guard`). Times are Unix s and enter as arguments.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct

from twofold.console.access.roles import Guest, Role
from twofold.errors import StoreBusy, StoreError
from twofold.event.contact import names_somebody
from twofold.store.sqlite.database import translated

FILE = "console.db"
IDLE_S = 1_800
LONGEST_S = 43_200
LINK_S = 86_400
TRIES = 5
"""From one address within `TRIES_S`."""
TRIES_OF_NAME = 50
"""For one name: many, as whoever knows a name could keep its owner out otherwise."""
TRIES_S = 900
LEAST_PASSWORD = 10
MOST_PASSWORD = 1_000
NAME_LENGTH = 40
BUSY_MS = 2_000
_STEP_S = 30
_MOST_ROW = 2**63 - 1

_HASHER = PasswordHasher()  # argon2id with the library's parameters: 64 MiB, three passes
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))
_hashing = threading.BoundedSemaphore(2)
"""At once: strangers who try take neither the machine's memory nor its cores."""
_SECRET = re.compile(r"[A-Z2-7]{16,64}")


class Person(Struct, frozen=True, kw_only=True):
    """Somebody who may log in."""

    id: int
    name: str
    role: Role | Guest  # the latter of whoever opens a link, who stands in no list
    has_code: bool
    ended: bool


class Session(Struct, frozen=True, kw_only=True):
    """A browser that is logged in."""

    person: Person
    csrf: str
    digest: bytes


class Share(Struct, frozen=True, kw_only=True):
    """A link to one page. ``maker`` is who made it, as they are now."""

    id: int
    path: str
    query: str
    maker: Person
    made_at: int
    expires_at: int


class Refused(Exception):
    """What was asked for is refused; ``str`` is the sentence for the person."""


class Throttled(Refused):
    """Too many tries; ``wait_s`` until the next."""

    def __init__(self, wait_s: int) -> None:
        super().__init__("Too many tries. Wait some minutes, then try again.")
        self.wait_s = wait_s


class Register:
    """``folder``: the data folder, which must be there. One connection, whose transactions take turns."""

    def __init__(self, folder: Path | str) -> None:
        path = Path(folder) / FILE
        if not path.parent.is_dir():
            raise StoreError(
                f"{path.parent}: expected a data folder, got none; start the gateway once, or name it with --data"
            )
        if path.is_symlink():
            raise StoreError(f"{path}: expected a file of ours, got a link")
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        self._turn = threading.RLock()
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(BUSY_MS)
        for pragma in ("journal_mode = wal", "synchronous = full", "secure_delete = on"):
            self._db.execute(f"pragma {pragma}").fetchall()
        sql = resources.files("twofold.console.access").joinpath("register.sql").read_text(encoding="utf-8")
        self._db.execute(sql)

    def close(self) -> None:
        self._db.close()

    # -- links

    def first_link(self, now: int) -> str | None:
        """A token for whoever starts the console first; None once there is an owner. An older one ends."""
        if self._one("select 1 from person where role = 'owner' and ended_at is null"):
            return None
        with self._change():
            self._run("delete from link where made_by is null")
            return self._make_link(Role.OWNER, None, now)

    def invite(self, role: Role, by: Person, now: int) -> str:
        """A token for one person of a role; it works once, within a day."""
        with self._change():
            self._note(now, by.name, "invited", {"role": role})
            return self._make_link(role, by.id, now)

    def role_of(self, token: str, now: int) -> Role | None:
        """Whom a link lets in; None when it does not (any more)."""
        row = self._one(
            "select role from link where digest = ? and used_at is null and expires_at > ?", _digest(token), now
        )
        return Role(row[0]) if row else None

    def take_link(self, token: str, name: str, password: str, now: int) -> Person:
        """The link's person, with a name and a password of their choice. Raises `Refused`."""
        name, hashed = _name(name), _hash(check_password(password))
        with self._change():
            role = self.role_of(token, now)
            if role is None:
                raise Refused("This link was used already, or is too old. Ask for another.")
            if any(name.casefold() == other.casefold() for (other,) in self._db.execute("select name from person")):
                raise Refused("Somebody has this name already. Choose another.")
            self._run("update link set used_at = ? where digest = ?", now, _digest(token))
            values = (name, role.value, hashed, now)
            self._run("insert into person (name, role, password, one_time, used_step, created_at) "
                      "values (?, ?, ?, '', 0, ?)", *values)  # fmt: skip
            self._note(now, name, "joined", {"role": role})
            return self._person("name = ?", name)

    def _make_link(self, role: Role, by: int | None, now: int) -> str:
        token = secrets.token_urlsafe(24)
        self._run("insert into link (digest, role, made_by, expires_at) values (?, ?, ?, ?)",
                  _digest(token), role.value, by, now + LINK_S)  # fmt: skip
        return token

    # -- logging in and out

    def log_in(self, name: str, password: str, code: str, address: str, now: int) -> tuple[str, Session]:
        """A new session's token and the session. Raises `Refused`, in the same words whatever was wrong.

        A password takes as long for a name that nobody has. Tries are counted by address and by name.
        """
        marks = self._take_try(name, address, now)
        row = self._one(
            "select id, password, one_time, used_step from person where name = ? and ended_at is null", name
        )
        fits = _fits(row[1] if row else _NOBODY, password[:MOST_PASSWORD])
        step = _step_of(row[2], code, row[3], now) if row and row[2] else 0
        if row is None or not fits or step is None:
            raise Refused("Name, password or code is wrong.")
        with self._change():
            # Of two browsers that show one code only the first comes in.
            if step and not self._one(_USE_STEP, step, row[0]):
                raise Refused("Name, password or code is wrong.")
            self._give_back(marks)
            return self._begin_session(self._person("id = ?", row[0]), now)

    def begin(self, person: Person, now: int) -> tuple[str, Session]:
        """A session for whoever has just taken a link."""
        with self._change():
            return self._begin_session(person, now)

    def session_of(self, token: str, now: int, *, seen: bool = True) -> Session | None:
        """The session of a cookie's token, which is ``seen`` now; None when it has ended."""
        digest = _digest(token)
        row = self._one("select person, csrf, created_at, seen_at from session where digest = ?", digest)
        if row is None:
            return None
        if now - row[3] > IDLE_S or now - row[2] > LONGEST_S:
            self.log_out(digest)
            return None
        found = self._one(f"select {_COLUMNS} from person where id = ? and ended_at is null", row[0])
        if found is None:
            return None
        if seen and now - row[3] >= 30:  # not a write for every picture of a page
            with suppress(StoreError):  # a full disk keeps nobody from reading
                self._run("update session set seen_at = ? where digest = ?", now, digest)
        return Session(person=_person_of(found), csrf=row[1], digest=digest)

    def log_out(self, digest: bytes) -> None:
        """Ends a session."""
        self._run("delete from session where digest = ?", digest)

    def prove(self, session: Session, password: str, address: str, now: int) -> bool:
        """Whether the password is right."""
        marks = self._take_try(session.person.name, address, now)
        row = self._one("select password from person where id = ?", session.person.id)
        if row is None or not _fits(row[0], password[:MOST_PASSWORD]):
            return False
        with self._change():
            self._give_back(marks)
        return True

    def _begin_session(self, person: Person, now: int) -> tuple[str, Session]:
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        self._run("delete from session where seen_at < ?", now - LONGEST_S)
        self._run("insert into session values (?, ?, ?, ?, ?)", _digest(token), person.id, csrf, now, now)
        return token, Session(person=person, csrf=csrf, digest=_digest(token))

    def _take_try(self, name: str, address: str, now: int) -> list[bytes]:
        """Counts a try before the password is looked at: tries that come side by side are tries, too."""
        marks = [_digest(f"address:{address}"), _digest(f"name:{name.casefold()}")]
        with self._change():
            self._run("delete from failure where at < ?", now - TRIES_S)
            for mark, most in zip(marks, (TRIES, TRIES_OF_NAME), strict=True):
                count, last = self._one("select count(*), max(at) from failure where mark = ?", mark) or (0, None)
                if count >= most:
                    raise Throttled(max(1, (last or now) + TRIES_S - now))
            for mark in marks:
                self._run("insert into failure (mark, at) values (?, ?)", mark, now)
        return marks

    def _give_back(self, marks: list[bytes]) -> None:
        """It was the right password: this try of the address is none, and nobody is guessing this name."""
        self._run("delete from failure where rowid = (select max(rowid) from failure where mark = ?)", marks[0])
        self._run("delete from failure where mark = ?", marks[1])

    # -- people

    def people(self) -> list[Person]:
        """Everybody, the eldest first; those whose access has ended last."""
        with self._said():
            rows = self._db.execute(f"select {_COLUMNS} from person order by ended_at is not null, id").fetchall()
        return [_person_of(row) for row in rows]

    def change_role(self, number: int, role: Role, by: Person, now: int) -> None:
        """Raises `Refused` where nobody would be owner any more. Their sessions end."""
        with self._change():
            person = self._there(number)
            if person.role is Role.OWNER and role is not Role.OWNER:
                self._keep_an_owner(number)
            self._run("update person set role = ? where id = ?", role.value, number)
            self._run("delete from session where person = ?", number)
            self._note(now, by.name, "role changed", {"of": person.name, "role": role})

    def end_access(self, number: int, by: Person, now: int) -> None:
        """Somebody may log in no more; their sessions end at once. Raises `Refused` for the last owner."""
        with self._change():
            person = self._there(number)
            if person.role is Role.OWNER:
                self._keep_an_owner(number)
            self._run("update person set ended_at = ? where id = ?", now, number)
            self._run("delete from session where person = ?", number)
            self._note(now, by.name, "access ended", {"of": person.name})

    def change_password(self, session: Session, password: str, now: int) -> None:
        """The person's other sessions end. Raises `Refused` for a password that is too short."""
        hashed = _hash(check_password(password))
        with self._change():
            self._run("update person set password = ? where id = ?", hashed, session.person.id)
            self._run("delete from session where person = ? and digest <> ?", session.person.id, session.digest)
            self._note(now, session.person.name, "password changed", {})

    def set_code(self, session: Session, secret: str, code: str, now: int) -> None:
        """Asks for a time-based code from now on; an empty secret asks for none. Raises `Refused` for a wrong code.

        The person's other sessions end: they were begun without one.
        """
        step = (_step_of(secret, code, 0, now) if _SECRET.fullmatch(secret) else None) if secret else 0
        if step is None:
            raise Refused("The code is not of this secret. Is the time of your device right?")
        with self._change():
            self._run("update person set one_time = ?, used_step = ? where id = ?", secret, step, session.person.id)
            self._run("delete from session where person = ? and digest <> ?", session.person.id, session.digest)
            self._note(now, session.person.name, "codes set" if secret else "codes taken away", {})

    # -- links to one page

    def share(self, path: str, query: str, by: Person, expires_at: int, now: int) -> str:
        """A token for whoever is to see this page until then."""
        token = secrets.token_urlsafe(24)
        with self._change():
            self._run(
                "insert into share (digest, path, query, made_by, made_at, expires_at) values (?, ?, ?, ?, ?, ?)",
                _digest(token), path, query, by.id, now, expires_at,
            )  # fmt: skip
            self._note(now, by.name, "shared a page", {"page": path})
        return token

    def shared(self, token: str, now: int) -> Share | None:
        """What a token shows; None once it is over, was ended, or its maker may log in no more."""
        return next(iter(self._shares("digest = ?", _digest(token), now)), None)

    def shares(self, by: Person, now: int) -> list[Share]:
        """The links that are good now: an owner sees all, anybody else their own."""
        where = "?1 is not null" if by.role is Role.OWNER else "made_by = ?1"
        return self._shares(where, by.id, now)

    def end_share(self, number: int, by: Person, now: int) -> None:
        """The link shows nothing any more. Raises `Refused` for somebody else's, but from an owner."""
        if number not in {one.id for one in self.shares(by, now)}:
            raise Refused("This link is not here any more.")
        with self._change():
            self._run("update share set ended_at = ? where id = ?", now, number)
            self._note(now, by.name, "ended a link", {})

    def _shares(self, where: str, value: Any, now: int) -> list[Share]:
        with self._said():
            rows = self._db.execute(
                f"select id, path, query, made_by, made_at, expires_at from share "
                f"where {where} and ended_at is null and expires_at > ? order by id desc",
                (value, now),
            ).fetchall()
        found = []
        values: tuple[Any, ...]
        for values in rows:
            number, path, query, made_by, made_at, until = values
            maker = self._one(f"select {_COLUMNS} from person where id = ? and ended_at is null", made_by)
            if maker is not None:
                found.append(
                    Share(id=number, path=path, query=query, maker=_person_of(maker), made_at=made_at, expires_at=until)
                )
        return found

    # -- people whom a proxy knows

    def tie(self, identity: str, person: Person, now: int) -> None:
        """From now on the proxy's word for this identity is enough to come in."""
        with self._change():
            self._run("delete from identity where person = ?", person.id)
            self._run("insert or replace into identity values (?, ?)", _digest(identity), person.id)
            self._note(now, person.name, "tied to the proxy's identity", {})

    def person_of(self, identity: str) -> Person | None:
        """Who is meant by it; None for somebody who is nobody here."""
        tied = self._one("select person from identity where digest = ?", _digest(identity))
        row = self._one(f"select {_COLUMNS} from person where id = ? and ended_at is null", tied[0]) if tied else None
        return _person_of(row) if row else None

    def is_tied(self, person: Person) -> bool:
        """Whether the proxy has a word for this person."""
        return self._one("select 1 from identity where person = ?", person.id) is not None

    def note(self, person: str, what: str, facts: dict[str, Any], now: int) -> None:
        """What somebody changed through the console."""
        with self._change():
            self._note(now, person, what, facts)

    def acts(self, limit: int = 50) -> list[dict[str, Any]]:
        """What was changed last, the newest first."""
        with self._said():
            rows = self._db.execute(
                "select at, person, what, facts from act order by id desc limit ?", (limit,)
            ).fetchall()
        return [
            {"at": at, "person": who, "what": what, **msgspec.json.decode(str(facts))} for at, who, what, facts in rows
        ]

    def _there(self, number: int) -> Person:
        known = number <= _MOST_ROW
        row = self._one(f"select {_COLUMNS} from person where id = ? and ended_at is null", number) if known else None
        if row is None:
            raise Refused("This person is not here any more.")
        return _person_of(row)

    def _keep_an_owner(self, but: int) -> None:
        if not self._one("select 1 from person where role = 'owner' and ended_at is null and id <> ?", but):
            raise Refused("Somebody has to be owner. Make another person owner first.")

    def _person(self, where: str, value: Any) -> Person:
        row = self._one(f"select {_COLUMNS} from person where {where}", value)
        assert row is not None
        return _person_of(row)

    def _note(self, now: int, person: str, what: str, facts: dict[str, Any]) -> None:
        values = (now, person, what, msgspec.json.encode(facts).decode())
        self._run("insert into act (at, person, what, facts) values (?, ?, ?, ?)", *values)

    def _one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        with self._said():
            row: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
            return row

    def _run(self, sql: str, *values: Any) -> None:
        with self._said():
            self._db.execute(sql, values).fetchall()

    @contextmanager
    def _change(self) -> Iterator[None]:
        """One transaction. Others wait for its end: on one connection they would stand in the middle of it."""
        with self._said():
            self._db.execute("begin immediate")
            try:
                yield
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:  # on a full disk the engine has taken it back itself
                    self._db.execute("rollback")
                raise

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What the file refuses is a `StoreError` in words."""
        with self._turn:
            try:
                yield
            except apsw.BusyError as err:
                raise StoreBusy("the console's register is held by another process; try again in a moment") from err
            except apsw.Error as err:
                raise translated(err) from err


_USE_STEP = "update person set used_step = ?1 where id = ?2 and used_step < ?1 returning 1"
_COLUMNS = "id, name, role, one_time <> '', ended_at is not null"


def _person_of(row: tuple[Any, ...]) -> Person:
    number, name, role, has_code, ended = row
    return Person(id=number, name=name, role=Role(role), has_code=bool(has_code), ended=bool(ended))


def new_secret() -> tuple[str, str]:
    """A secret for time-based codes, and what an app is given to keep it."""
    secret = pyotp.random_base32()
    return secret, pyotp.TOTP(secret).provisioning_uri(name="console", issuer_name="Twofold")


def is_token(given: str, wanted: str) -> bool:
    """Compared in constant time, on bytes."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()


def _hash(password: str) -> str:
    with _hashing:
        return _HASHER.hash(password.encode("utf-8", "surrogatepass"))


def _fits(hashed: str, password: str) -> bool:
    try:
        with _hashing:
            return _HASHER.verify(hashed, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False


def _step_of(secret: str, code: str, used: int, now: int) -> int | None:
    """The step whose code this is: now or one beside it, later than the last one used; None when it is no such code."""
    bare = "".join(code.split())
    if not (len(bare) == 6 and bare.isascii() and bare.isdigit()):
        return None
    one_time = pyotp.TOTP(secret)
    steps = (now // _STEP_S + beside for beside in (0, -1, 1))
    return next((s for s in steps if s > used and hmac.compare_digest(one_time.at(s * _STEP_S), bare)), None)


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise Refused(f"A name has 1 to {NAME_LENGTH} letters.")
    if names_somebody(name):
        raise Refused("Choose a name that is no e-mail address: none is kept here.")
    return name


def check_password(text: str) -> str:
    """The password as it is. Raises `Refused` for one that is too short or too long."""
    if not LEAST_PASSWORD <= len(text) <= MOST_PASSWORD:
        raise Refused(f"A password has at least {LEAST_PASSWORD} characters. Four words are easy to keep in mind.")
    return text
