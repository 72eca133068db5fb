"""What a newcomer meets first when something is in the way: one sentence that names it and what to do, never a trace."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.gateway_process import clean_environment, run_twofold

from tests.command_line import invoke
from tests.pulling.stand_in import Reply, standing_in
from twofold.config import load_settings
from twofold.setup.connect.wiring import unreached
from twofold.setup.doctor.arrivals import look_at_arrivals

PATIENCE_S = 60
SECRETS = {"SHOPIFY_CLIENT_ID": "an-id", "SHOPIFY_CLIENT_SECRET": "a-secret", "WOOCOMMERCE_CONSUMER_KEY": "ck",
           "WOOCOMMERCE_CONSUMER_SECRET": "cs", "STRIPE_API_KEY": "sk_test", "META_TOKEN": "EAAB"}  # fmt: skip


@contextlib.contextmanager
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "who", "table"), [("serve", "the gateway", "[server]"), ("console", "the console", "[console]")]
)
def test_a_taken_port_says_whose_it_was_to_be(tmp_path: Path, words: str, who: str, table: str) -> None:
    """A gateway and its console speak in one terminal, and each port is another setting."""
    (tmp_path / "c.toml").write_text('[[dataset]]\nid = "1"\nkey = "a-key-of-sixteen-characters"\n')
    at = ("--config", str(tmp_path / "c.toml"))
    invoke(["import", "rates", str(rates(tmp_path)), *at])  # the console wants a data folder
    with taken() as port:
        done = run_twofold(words, *at, "--port", str(port))
    assert done.returncode == 2
    assert f"{who} cannot listen on 127.0.0.1 port {port}: another program listens there" in done.stderr
    assert table in done.stderr
    assert "Traceback" not in done.stderr


def rates(folder: Path) -> Path:
    file = folder / "rates.csv"
    file.write_text("day,currency,base,rate\n2026-03-10,USD,GEL,2.70\n")
    return file


@pytest.mark.process
@pytest.mark.parametrize("words", [("serve", "--data"), ("warehouse",), ("sandbox", "--port", "0", "--data")])
def test_a_place_where_nothing_can_be_made_is_named(tmp_path: Path, words: tuple[str, ...]) -> None:
    """As a folder of another user is; here it lies in a file, which stops every user."""
    (tmp_path / "file").write_text("mine")
    done = run_twofold(*words, str(tmp_path / "file" / "data"))
    assert done.returncode in (2, 3)
    assert str(tmp_path / "file") in done.stderr
    assert "Not a directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("words", ["verify", "actions", "check", "serve", "console"])
def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path: Path, words: str) -> None:
    """By a name that no file system has, as tests may run as the user whom nothing is forbidden."""
    command = [sys.executable, "-m", "twofold", words, "--data", str(tmp_path / ("a" * 300))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=clean_environment(None))
    assert done.returncode in (1, 3)
    assert "File name too long" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("system", ["shopify", "woocommerce", "stripe", "meta"])
@pytest.mark.parametrize("word", ["connect", "disconnect"])
def test_without_a_configuration_no_platform_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, system: str
) -> None:
    """The missing file is what is said, though every credential is there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TWOFOLD_CONFIG", raising=False)
    with standing_in(lambda _: Reply(status=500)) as there:
        at = [] if (word, system) == ("disconnect", "meta") else ["--endpoint", there.url]
        done = invoke([word, system, *at], env=SECRETS)
        assert there.asked == []
    assert f"neither --config nor TWOFOLD_CONFIG names one, and {tmp_path} has no twofold.toml" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_what_to_start_is_said_of_a_set_up_that_nothing_runs_on(tmp_path: Path) -> None:
    """Before the first start: the two commands in their order, and that nothing is there is no error of a path."""
    done = invoke(["init", str(tmp_path), "--yes"], env={"META_TOKEN": None})
    stand_in, gateway = done.output.index("  twofold sandbox\n"), done.output.index("  twofold serve --config")
    assert stand_in < gateway
    (line,) = look_at_arrivals(load_settings(tmp_path / "twofold.toml", environ={}), 0)
    assert line.text == "nothing yet: the gateway makes the data folder when it starts"
    assert "holds no data" not in done.output


def test_an_address_of_this_machine_is_said_before_a_platform_is_told_it() -> None:
    found = unreached("http://127.0.0.1:8400/webhooks/woocommerce/shop.example")
    assert found is not None
    assert (found.state, found.text) == (
        "look", "http://127.0.0.1:8400 is this machine alone: no webhook of a platform arrives there",
    )  # fmt: skip
    assert unreached("https://gateway.shop.example/webhooks/woocommerce/shop.example") is None


@pytest.mark.parametrize(
    ("origins", "shop"),
    [("https://shop.example, https://www.shop.example", "shop.example"), ("https://a.example, https://b.example", ""), ("", "")],
)  # fmt: skip
def test_the_site_that_was_answered_is_not_asked_for_again(tmp_path: Path, origins: str, shop: str) -> None:
    """WooCommerce knows its shop by its site; of two sites, or of none, somebody has to say which."""
    assert invoke(["init", str(tmp_path), "--yes", "--address", "https://gateway.shop.example"]).exit_code == 0
    config = tmp_path / "twofold.toml"
    sites = ", ".join(f'"{site}"' for site in origins.split(", ") if site)
    text = config.read_text(encoding="utf-8").replace('# origins = ["https://shop.example"]', f"origins = [{sites}] #")
    config.write_text(text, encoding="utf-8")
    done = invoke(["connect", "woocommerce", "--code", "--config", str(config)])
    if shop:
        assert [source.shop for source in load_settings(config, environ={}).source] == [shop]
    else:
        assert "which shop? Name it with --shop" in str(done.exception)
