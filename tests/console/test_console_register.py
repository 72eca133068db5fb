"""People, links, sessions, tries: each rule of the register, with the time as an argument."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest

from twofold.console.access.register import (
    FILE,
    IDLE_S,
    LINK_S,
    LONGEST_S,
    TRIES,
    TRIES_S,
    Refused,
    Register,
    Throttled,
    new_secret,
)
from twofold.console.access.roles import Role
from twofold.errors import StoreError

NOW = 1_800_000_000
PASSWORD = "four words are easy"


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    made = Register(tmp_path)
    yield made
    made.close()


@pytest.fixture
def owner(register: Register):
    return register.take_link(register.first_link(NOW), "nino", PASSWORD, NOW)


def test_the_first_link_makes_an_owner_and_works_once(register):
    """Who starts the console first is owner; afterwards there is no first link any more."""
    token = register.first_link(NOW)
    person = register.take_link(token, " nino ", PASSWORD, NOW)
    assert (person.name, person.role) == ("nino", Role.OWNER)
    with pytest.raises(Refused, match="used already"):
        register.take_link(token, "other", PASSWORD, NOW)
    assert register.first_link(NOW) is None


def test_a_second_start_takes_the_first_link_away(register):
    """Only the link that was printed last lets anybody in."""
    first, second = register.first_link(NOW), register.first_link(NOW)
    assert register.role_of(first, NOW) is None
    assert register.role_of(second, NOW) is Role.OWNER


def test_a_link_ends_after_a_day(register):
    token = register.first_link(NOW)
    assert register.role_of(token, NOW + LINK_S - 1) is Role.OWNER
    assert register.role_of(token, NOW + LINK_S) is None


@pytest.mark.parametrize("name", ["", "a" * 41, "nino@shop.example", "n\x00o", "‮nino"])
def test_a_name_that_is_none(register, name):
    """Also e-mail addresses: none is kept here."""
    with pytest.raises(Refused):
        register.take_link(register.first_link(NOW), name, PASSWORD, NOW)


@pytest.mark.parametrize("password", ["", "short", "a" * 1_001])
def test_a_password_that_is_none(register, password):
    with pytest.raises(Refused):
        register.take_link(register.first_link(NOW), "nino", password, NOW)


def test_logging_in_and_out(register, owner):
    token, session = register.log_in("nino", PASSWORD, "", "192.0.2.1", NOW)
    assert register.session_of(token, NOW).person == owner
    register.log_out(session.digest)
    assert register.session_of(token, NOW) is None


@pytest.mark.parametrize(
    ("name", "password"), [("nino", "another one, too long"), ("nobody", PASSWORD), ("NINO", PASSWORD)]
)
def test_what_is_wrong_is_not_said(register, owner, name, password):
    """One sentence for a name that nobody has and for a wrong password."""
    with pytest.raises(Refused, match=r"^Name, password or code is wrong\.$"):
        register.log_in(name, password, "", "192.0.2.1", NOW)


def test_a_session_ends_when_nobody_is_there(register, owner):
    token, _ = register.log_in("nino", PASSWORD, "", "192.0.2.1", NOW)
    assert register.session_of(token, NOW + IDLE_S)
    assert register.session_of(token, NOW + 2 * IDLE_S)  # it was seen in between
    assert register.session_of(token, NOW + 3 * IDLE_S + 1) is None


def test_a_session_ends_after_half_a_day_whatever_happens(register, owner):
    token, _ = register.log_in("nino", PASSWORD, "", "192.0.2.1", NOW)
    for at in range(NOW, NOW + LONGEST_S, IDLE_S):
        assert register.session_of(token, at)
    assert register.session_of(token, NOW + LONGEST_S + 1) is None


def test_tries_of_an_address_are_few_and_of_a_name_many(register, owner):
    """After some wrong passwords an address has to wait; the person can still come in from elsewhere."""
    for _ in range(TRIES):
        with pytest.raises(Refused):
            register.log_in("nino", "wrong wrong wrong", "", "192.0.2.1", NOW)
    with pytest.raises(Throttled):
        register.log_in("nino", PASSWORD, "", "192.0.2.1", NOW)
    assert register.log_in("nino", PASSWORD, "", "192.0.2.2", NOW)
    assert register.log_in("nino", PASSWORD, "", "192.0.2.1", NOW + TRIES_S + 1)


def test_codes_are_asked_for_and_none_works_twice(register, owner):
    secret, address = new_secret()
    assert secret in address
    _, session = register.log_in("nino", PASSWORD, "", "192.0.2.1", NOW)
    code = pyotp.TOTP(secret).at(NOW)
    register.set_code(session, secret, code, NOW)
    for given in ("", "000000", code):  # the last was used to set it
        with pytest.raises(Refused):
            register.log_in("nino", PASSWORD, given, "192.0.2.9", NOW)
    later = NOW + 60
    assert register.log_in("nino", PASSWORD, pyotp.TOTP(secret).at(later), "192.0.2.9", later)


def test_setting_codes_wants_a_right_one(register, owner):
    _, session = register.log_in("nino", PASSWORD, "", "192.0.2.1", NOW)
    with pytest.raises(Refused):
        register.set_code(session, new_secret()[0], "123456", NOW)


def test_somebody_stays_owner(register, owner):
    for change in (
        lambda: register.change_role(owner.id, Role.BUYER, owner, NOW),
        lambda: register.end_access(owner.id, owner, NOW),
    ):
        with pytest.raises(Refused, match="Somebody has to be owner"):
            change()


def test_a_changed_role_and_an_ended_access_end_the_sessions(register, owner):
    buyer = register.take_link(register.invite(Role.BUYER, owner, NOW), "gio", PASSWORD, NOW)
    token, _ = register.begin(buyer, NOW)
    register.change_role(buyer.id, Role.AUDITOR, owner, NOW)
    assert register.session_of(token, NOW) is None
    token, _ = register.log_in("gio", PASSWORD, "", "192.0.2.1", NOW)
    register.end_access(buyer.id, owner, NOW)
    assert register.session_of(token, NOW) is None
    with pytest.raises(Refused):
        register.log_in("gio", PASSWORD, "", "192.0.2.1", NOW)
    assert [act["what"] for act in register.acts()][:2] == ["access ended", "role changed"]


def test_a_changed_password_ends_the_other_sessions(register, owner):
    kept, session = register.log_in("nino", PASSWORD, "", "192.0.2.1", NOW)
    other, _ = register.log_in("nino", PASSWORD, "", "192.0.2.1", NOW)
    register.change_password(session, "another four words", NOW)
    assert register.session_of(kept, NOW)
    assert register.session_of(other, NOW) is None
    with pytest.raises(Refused):
        register.log_in("nino", PASSWORD, "", "192.0.2.3", NOW)


def test_nothing_secret_is_in_the_file(register, owner, tmp_path):
    """Neither password, nor session, nor link, as they are."""
    link = register.invite(Role.BUYER, owner, NOW)
    token, session = register.log_in("nino", PASSWORD, "", "192.0.2.77", NOW)
    kept = b"".join(p.read_bytes() for p in tmp_path.glob(f"{FILE}*"))
    for secret in (PASSWORD, token, link, "192.0.2.77"):
        assert secret.encode() not in kept
    assert b"nino" in kept  # the search finds what is there
    assert session.csrf


def test_only_the_owner_of_the_machine_may_read_it(register, tmp_path):
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_it_makes_no_data_folder(tmp_path):
    with pytest.raises(StoreError, match="expected a data folder"):
        Register(tmp_path / "elsewhere")


def test_a_link_in_its_place_is_refused(tmp_path):
    (tmp_path / "target").touch()
    (tmp_path / FILE).symlink_to(tmp_path / "target")
    with pytest.raises(StoreError):
        Register(tmp_path)
