"""Which form the page's Purchases carry, as `twofold check` shows it beside the form that the folder keeps."""

from __future__ import annotations

import apsw
import pytest

from tests.store.copies import BROWSER, SERVER, appended, copy
from twofold.commands.check import run_checks
from twofold.report.purchase_ids import page_ids

NEW = "purchase.2d19debe10b41625dc853269aae1c15e"
OLD = "purchase.shop.example.1001"
CONFIG = """
[[dataset]]
id = "1"
key = "key-of-the-first-dataset"
[[source]]
type = "woocommerce"
dataset = "1"
shop = "shop.example"
secret = "hush-0123456789abcdef"
"""
# what the page sent, how many carry the new form, of how many, what the check says
PAGES = [
    ([], 0, 0, "update the page's pixel or snippet first"),
    ([OLD, OLD], 0, 2, "update the page's pixel or snippet first"),
    ([OLD, NEW], 1, 2, "update the page's pixel or snippet first"),
    ([NEW], 1, 1, 'set event_id = "secret" on the source'),
]


@pytest.mark.parametrize(("ids", "carrying", "of", "says"), PAGES)
def test_a_folder_of_version_0_2_is_told_when_it_may_follow(tmp_path, ids, carrying, of, says):
    """A server's copies and other datasets' are not the page's; a new folder has nothing to follow."""
    others = [copy(NEW + "0", SERVER), copy(OLD, BROWSER, dataset="2"), copy("v", BROWSER, name="PageView")]
    appended(tmp_path, [*others, *(copy(text, BROWSER, order=str(n)) for n, text in enumerate(ids))])
    assert page_ids(tmp_path, "1") == ("secret", carrying, of)
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    db.execute("insert into meta (name, value) values ('purchase_ids', 'order')")
    db.close()
    file = tmp_path / "twofold.toml"
    file.write_text(CONFIG)
    (line,) = [one.name for one in run_checks(file, str(tmp_path)) if "Purchase ids" in one.name]
    assert line.endswith(says)
    assert f"{carrying} of {of}" in line


def test_a_folder_that_was_not_brought_to_this_version_yet(tmp_path):
    """It will keep the ids of its version; the check says so before the first start, and that a copy is to be made."""
    db = apsw.Connection(str(tmp_path / "twofold.db"))
    db.execute("create table event (position integer primary key); pragma user_version = 5")
    db.close()
    file = tmp_path / "twofold.toml"
    file.write_text(CONFIG)
    names = [one.name for one in run_checks(file, str(tmp_path))]
    assert any("Purchase ids by order; 0 of 0" in name for name in names)
    assert any(name.startswith("data folder") and "copy it before" in name for name in names)


def test_no_folder_is_a_new_one(tmp_path):
    assert page_ids(tmp_path / "none", "1") == ("secret", 0, 0)
