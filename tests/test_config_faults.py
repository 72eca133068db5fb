"""Faults of a configuration: all at once, with their lines; older names; values that could never match anything."""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from twofold.config import Settings, load_settings, settings_from
from twofold.config.read import RENAMED
from twofold.errors import ConfigError


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "shop" / "twofold.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def with_dataset(**dataset: Any) -> Settings:
    return settings_from({"dataset": [{"id": "1", **dataset}]}, environ={})


# -- all at once


MANY = """\
[server]
port = "8400"
prot = 1
host = "env:HOST_OF_IT"

[[dataset]]
id = "1"
origins = [
  "https://shop.example",
  "shop.example",
]

[dataset.orders]
counts_when = "payed"

[[dataset]]
id = "2"
hold_s = { Purchase = 5, purchase = 5, Lead = -1 }
consent.limited_in = ["US-XX"]

[[destination]]
platform = "meat"
dataset = "3"
token = "env:TOKEN_OF_IT"

[[source]]
type = "shopify"
dataset = "2"
secret = "env:SECRET_OF_IT"
"""
# Line by line what is wrong: where a tool that reads the file by hand would point.
EXPECTED = [
    (2, "$.server.port"), (3, "`prot`, did you mean `port`"), (4, "HOST_OF_IT"), (8, "'shop.example'"), (14, "'payed'"),
    (18, "hold_s.Lead"), (18, "did you mean Purchase"), (19, "'US-XX'"), (22, "'meat'"), (23, "'3'"), (24, "TOKEN_OF_IT"),
    (26, "missing required field `shop`"), (29, "SECRET_OF_IT"),
]  # fmt: skip


def test_every_fault_is_named_with_its_line(tmp_path):
    """One start tells an operator all that is wrong with the file, in its order, and where."""
    with pytest.raises(ConfigError) as caught:
        load_settings(written(tmp_path, MANY), environ={})
    faults = caught.value.faults
    assert [line for _, line in faults] == [line for line, _ in EXPECTED]
    for (text, _), (line, words) in zip(faults, EXPECTED, strict=True):
        assert words in text
        assert f"line {line}: {text}" in str(caught.value)
    assert f"{len(EXPECTED)} faults" in str(caught.value)
    assert str(tmp_path / "shop" / "twofold.toml") in str(caught.value)


@pytest.mark.parametrize("style", ["header", "dotted", "inline"])
def test_lines_are_found_however_a_table_is_written(tmp_path, style):
    styles = {
        "header": ("[[dataset]]\nid = '1'\n\n[dataset.trust]\n# a comment\nunconfirmed = 'keep'\n", 6),
        "dotted": ("[[dataset]]\nid = '1'\ntrust.unconfirmed = 'keep'\n", 3),
        "inline": ("[[dataset]]\nid = '1'\ntrust = { name_events_per_minute = 0, unconfirmed = 'keep' }\n", 3),
    }
    text, line = styles[style]
    with pytest.raises(ConfigError) as caught:
        load_settings(written(tmp_path, text), environ={})
    assert [at for _, at in caught.value.faults] == [line]


# -- where relative folders lie


@pytest.mark.parametrize(
    ("text", "environ", "given", "expected"),
    [
        ("[server]\ndata = 'kept'", {}, None, "shop/kept"),
        ("", {}, None, "shop/data"),
        ("[server]\ndata = '../kept'", {}, None, "shop/../kept"),
        ("[server]\ndata = '/var/kept'", {}, None, "/var/kept"),
        ("[server]\ndata = 'kept'", {"TWOFOLD_DATA": "mine"}, None, "mine"),
        ("[server]\ndata = 'kept'", {}, "mine", "mine"),
    ],
    ids=["beside the file", "default", "above", "absolute", "environment", "option"],
)
def test_a_relative_folder_belongs_to_the_file(tmp_path, monkeypatch, text, environ, given, expected):
    """Whatever directory a command is typed in; what is typed there belongs to that directory, as everywhere."""
    file = written(tmp_path, text)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    data = load_settings(file, environ=environ, data=given).server.data
    assert data == (str(tmp_path / expected) if expected.startswith("shop") else expected)


# -- older names


OLDER: list[tuple[dict[str, Any], str, str]] = [
    ({"server": {"path": "/x"}}, "server.path", "tag_path"),
    ({"dataset": [{"id": "1", "hold": {"Lead": 3}}]}, "dataset[0].hold", "hold_s"),
    ({"dataset": [{"id": "1"}, {"id": "2", "variants": ["fn"]}]}, "dataset[1].variants", "hash_variants"),
    ({"dataset": [{"id": "1", "orders": {"wait": 5}}]}, "dataset[0].orders.wait", "wait_s"),
    ({"dataset": [{"id": "1", "orders": {"alone": "drop"}}]}, "dataset[0].orders.alone", "unmatched"),
    ({"dataset": [{"id": "1", "trust": {"confirm": {"Lead": 5}}}]}, "dataset[0].trust.confirm", "confirm_s"),
    ({"dataset": [{"id": "1", "trust": {"rate": 7}}]}, "dataset[0].trust.rate", "events_per_minute"),
    ({"dataset": [{"id": "1", "trust": {"rate_name": 7}}]}, "dataset[0].trust.rate_name", "name_events_per_minute"),
]


def set_in(tree: Any, old: str, name: str) -> dict[str, Any]:
    """The same tree with the value at ``old`` under another name of the same table, and without the old one."""
    copy = msgspec.json.decode(msgspec.json.encode(tree))
    table = copy
    *tables, last = old.replace("[", ".[").split(".")
    for word in tables:
        table = table[int(word[1:-1])] if word.startswith("[") else table[word]
    table[name] = table.pop(last) if name != last else table[last]
    return copy


@pytest.mark.parametrize(("tree", "old", "new"), OLDER, ids=[old for _, old, _ in OLDER])
def test_an_older_name_means_the_same_and_is_warned_about(caplog, tree, old, new):
    """For one version; the warning names the new name, and today's name is read without any."""
    with caplog.at_level(logging.WARNING, "twofold.config"):
        by_old = settings_from(tree, environ={})
    assert [old in r.getMessage() and new in r.getMessage() for r in caplog.records] == [True]
    caplog.clear()
    assert settings_from(set_in(tree, old, new), environ={}) == by_old
    assert by_old != settings_from({"dataset": [{"id": d["id"]} for d in tree.get("dataset", [])]}, environ={})
    assert caplog.records == []


@pytest.mark.parametrize(("tree", "old", "new"), OLDER, ids=[old for _, old, _ in OLDER])
def test_both_names_at_once_are_a_fault(tree, old, new):
    """Nobody has to guess which of two values counts."""
    both = set_in(tree, old, new)
    table: Any = both
    *tables, last = old.replace("[", ".[").split(".")
    for word in tables:
        table = table[int(word[1:-1])] if word.startswith("[") else table[word]
    table[last] = table[new]
    with pytest.raises(ConfigError, match=rf"older name of {new}"):
        settings_from(both, environ={})


def test_every_older_name_has_its_row():
    assert {new for *_, new in OLDER} == set(RENAMED.values())


def test_a_fault_of_an_older_name_is_told_by_that_name(tmp_path):
    """The operator looks for the word that stands in the file."""
    text = "[[dataset]]\nid = '1'\nhold = { Purchase = -1 }\n"
    with pytest.raises(ConfigError, match=r"line 3: dataset 1: hold\.Purchase"):
        load_settings(written(tmp_path, text), environ={})


# -- what can never match


UNDERSTOOD = [
    ("https://Shop.Example", "https://shop.example"),
    ("HTTPS://shop.example", "https://shop.example"),
    ("https://shop.example:443", "https://shop.example"),
    ("http://shop.example:80", "http://shop.example"),
    ("http://shop.example:443", "http://shop.example:443"),
    ("https://shop.example:8443", "https://shop.example:8443"),
    ("https://[2001:DB8::1]:443", "https://[2001:db8::1]"),
    ("https://bücher.example", "https://xn--bcher-kva.example"),
    (" https://shop.example ", "https://shop.example"),
]


@pytest.mark.parametrize(("given", "sent"), UNDERSTOOD, ids=[g for g, _ in UNDERSTOOD])
def test_a_site_is_what_its_browsers_write(given, sent):
    """``Origin`` is lower case, without the scheme's own port and in the encoding of names (RFC 6454, section 6.2)."""
    assert with_dataset(origins=[given]).dataset[0].origins == (sent,)


REFUSED = [
    "https://*.shop.example", "*", "https://*", "shop.example", "https://shop.example/", "https://shop.example/page",
    "https://user@shop.example", "https://shop.example?x", "https://shop.example#x", "ftp://shop.example", "https://", "null",
    "https://shop.example:port", "https://shop example", "",
]  # fmt: skip


@pytest.mark.parametrize("origin", REFUSED)
def test_a_site_that_no_browser_writes_is_refused(origin):
    with pytest.raises(ConfigError, match="origins: expected"):
        with_dataset(origins=[origin])


NEVER: list[tuple[dict[str, Any], str]] = [
    ({"hold_s": {"purchase": 5}}, "did you mean Purchase"),
    ({"hold_s": {"ADDTOCART": 5}}, "did you mean AddToCart"),
    ({"hold_s": {" Lead": 5}}, "did you mean Lead"),
    ({"trust": {"confirm_s": {"subscribe": 5}}}, "did you mean Subscribe"),
    ({"trust": {"currencies": ["EUX"]}}, "ISO 4217"),
    ({"trust": {"value_caps": {"XYZ": 5}}}, "ISO 4217"),
    ({"country": "XX"}, "ISO 3166"),
    ({"consent": {"require_in": ["ZZ"]}}, "ISO 3166"),
    ({"consent": {"limited_in": ["US-XX"]}}, "US-CA"),
    ({"consent": {"limited_in": ["DE-BY"]}}, "US-CA"),
    ({"hash_variants": ["em"]}, "hash_variants: expected one of ph"),
    ({"orders": {"counts_when": "Paid"}}, "counts_when: expected one of placed"),
    ({"orders": {"when": {"COD": "placed"}}}, "when: expected one of cod"),
    ({"orders": {"when": {"cod": "shipped"}}}, "when.cod: expected one of placed"),
    ({"orders": {"value_parts": ["vat"]}}, "value_parts: expected one of goods"),
    ({"orders": {"refunds": "yes"}}, "refunds: expected one of deduct"),
    ({"orders": {"currency": "EUR"}}, "currency: expected one of presentment"),
    ({"orders": {"renewals": "all"}}, "renewals: expected one of subscribe"),
    ({"orders": {"unmatched": "wait"}}, "unmatched: expected one of send"),
    ({"id": "1 "}, "id: expected digits"),
    ({"id": "a/b"}, "id: expected digits"),
]


@pytest.mark.parametrize(("dataset", "words"), NEVER, ids=range(len(NEVER)))
def test_a_setting_that_could_never_match_is_refused(dataset, words):
    with pytest.raises(ConfigError, match=words):
        with_dataset(**dataset)


SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"country": "de"}, {"country": "DE"}),
    ({"country": "UK"}, {"country": "GB"}),
    ({"consent": {"require_in": ["eea", "uk"]}}, {"consent": {"require_in": ["EEA", "GB"]}}),
    ({"consent": {"limited_in": ["us-ca", "us_tx"]}}, {"consent": {"limited_in": ["US-CA", "US-TX"]}}),
    ({"trust": {"currencies": ["eur"]}}, {"trust": {"currencies": ["EUR"]}}),
    ({"trust": {"value_caps": {"usd": 5}}}, {"trust": {"value_caps": {"USD": 5}}}),
]


@pytest.mark.parametrize(("given", "meant"), SAME, ids=range(len(SAME)))
def test_other_spellings_mean_the_same(given, meant):
    assert with_dataset(**given) == with_dataset(**meant)


SOURCE = {"type": "own", "dataset": "1", "shop": "s", "secret": "a-secret-of-16-or-more"}


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("", "/webhooks/own/s"),
        ("hooks/one", "/hooks/one"),
        ("/hooks/one", "/hooks/one"),
        (" /hooks/one ", "/hooks/one"),
    ],
)
def test_a_webhooks_path_begins_where_addresses_do(path, kept):
    tree = {"dataset": [{"id": "1"}], "source": [{**SOURCE, "path": path}]}
    assert settings_from(tree, environ={}).source[0].path == kept


@pytest.mark.parametrize("path", ["https://gateway.example/hook", "/hook?shop=1", "/a hook", "/hook#1"])
def test_a_webhooks_path_that_no_request_has_is_refused(path):
    tree = {"dataset": [{"id": "1"}], "source": [{**SOURCE, "path": path}]}
    with pytest.raises(ConfigError, match="path: expected a path"):
        settings_from(tree, environ={})


def test_a_secret_from_a_file_loses_its_last_line_end():
    """Secrets are often files that were read into a variable; with the line end no key would ever fit."""
    settings = settings_from({"dataset": [{"id": "1", "key": "env:KEY"}]}, environ={"KEY": "key-of-the-shop\n"})
    assert settings.dataset[0].key == "key-of-the-shop"


def test_the_tree_that_was_handed_in_stays_as_it_was():
    tree = tomllib.loads("[server]\npath = '/x'\n[[dataset]]\nid = '1'\nhold = {Lead = 1}\n")
    before = msgspec.json.encode(tree)
    settings_from(tree, environ={})
    assert msgspec.json.encode(tree) == before
