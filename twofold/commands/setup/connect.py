"""`twofold connect` and `disconnect`: webhooks by the platform's own API, secrets into the private file, the gateway told.

Owns options, the asking for credentials and how each line is printed. Credentials of a platform's API are used once and kept nowhere.
"""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twofold.commands.options import USUAL, ConfigNeeded, JsonOption
from twofold.commands.output.printing import plain, print_rows, say
from twofold.commands.setup.doctor import show
from twofold.errors import ConfigError

if TYPE_CHECKING:
    from twofold.config import SourceSettings
    from twofold.pulling.exchange import Exchange
    from twofold.setup.connect.contract import Hook
    from twofold.setup.connect.wiring import Wired
    from twofold.setup.editing import Edited
    from twofold.setup.finding import Finding

connect = typer.Typer(no_args_is_help=True, help="Connect a shop or platform by its own API. Safe to repeat.")
disconnect = typer.Typer(no_args_is_help=True, help="Take away what `connect` made, and nothing else.")

ASK_S = 30.0
KEY_BYTES = 24
ShopOption = Annotated[
    str, typer.Option("--shop", help="The shop, as in the webhook's path. Default: the one that is configured.")
]
DatasetForNew = Annotated[str, typer.Option("--dataset", help="Of several datasets, that of a source which is added.")]
EndpointOption = Annotated[str, typer.Option(help="Base address of the API. Default: the platform's own.")]
ClientId = Annotated[str, typer.Option(help="Of your app at Shopify.", envvar="SHOPIFY_CLIENT_ID")]
ClientSecret = Annotated[
    str,
    typer.Option(help="Of your app: it signs the webhooks. Better by the variable.", envvar="SHOPIFY_CLIENT_SECRET"),
]
AccessToken = Annotated[
    str,
    typer.Option(
        help="Of an app made before 2026, which has one, instead of the client id.", envvar="SHOPIFY_ACCESS_TOKEN"
    ),
]
ConsumerKey = Annotated[str, typer.Option(help="Of the REST API, Read/Write.", envvar="WOOCOMMERCE_CONSUMER_KEY")]
ConsumerSecret = Annotated[str, typer.Option(help="Its secret.", envvar="WOOCOMMERCE_CONSUMER_SECRET")]
StripeKey = Annotated[
    str, typer.Option(help="Restricted key that may write webhook endpoints.", envvar="STRIPE_API_KEY")
]
MetaToken = Annotated[
    str, typer.Option(help="Access token of the dataset. Better by the variable.", envvar="META_TOKEN")
]


@connect.command("shopify")
def connect_shopify(
    config: ConfigNeeded = USUAL,
    shop: ShopOption = "",
    dataset: DatasetForNew = "",
    client_id: ClientId = "",
    client_secret: ClientSecret = "",
    access_token: AccessToken = "",
    endpoint: EndpointOption = "",
    json: JsonOption = False,
) -> None:
    """Subscribe an app of yours to all topics of a Shopify shop.

    The app's client secret signs them: it goes into the private file, and into the running gateway without a restart. What the app
    subscribed to elsewhere is listed and left alone. Webhooks made by hand are not to be seen by an app.
    """
    from twofold.setup.connect.shopify import SCOPES

    show_hooks = Shown(json)
    edited, wired = _wired(config, "shopify", shop.strip().lower(), dataset)
    _must_be_shopifys(wired)
    if not access_token:
        client_id = client_id or asked_for("The app's client ID (dev.shopify.com > your app > Settings)", json)
    client_secret = client_secret or asked_for("The app's client secret", json, hidden=True)
    api = _shopify(wired, endpoint, client_id, client_secret, access_token)
    with show_hooks.told():
        scopes = api.enter()
        missing = [f"{scope} ({means})" for scope, means in SCOPES.items() if scope not in scopes]
        show_hooks.scopes(scopes, missing)
        api.existing()  # before anything is written: what cannot be listed cannot be made
        show_hooks.address(wired)
        _keep(edited, wired, client_secret, show_hooks)
        show_hooks.hooks(api.connect(wired.address))
    show_hooks.next(
        "the pixel cannot be put in by an API: Settings > Customer events > Add custom pixel",
        f"twofold snippet pixel --config {config}",
    )
    show_hooks.end()


@disconnect.command("shopify")
def disconnect_shopify(
    config: ConfigNeeded = USUAL,
    shop: ShopOption = "",
    client_id: ClientId = "",
    client_secret: ClientSecret = "",
    access_token: AccessToken = "",
    endpoint: EndpointOption = "",
    json: JsonOption = False,
) -> None:
    """Unsubscribe the app from what leads to this gateway; a source that `connect` added goes out of the configuration."""
    shown = Shown(json)
    edited, wired = _wired(config, "shopify", shop.strip().lower(), "")
    if not access_token:
        client_id = client_id or asked_for("The app's client ID", json)
        client_secret = client_secret or asked_for("The app's client secret", json, hidden=True)
    api = _shopify(wired, endpoint, client_id, client_secret, access_token)
    with shown.told():
        api.enter()
        shown.hooks(api.disconnect(wired.address))
        _unwire(edited, wired, shown)
    shown.end()


@connect.command("woocommerce")
def connect_woocommerce(
    config: ConfigNeeded = USUAL,
    shop: ShopOption = "",
    dataset: DatasetForNew = "",
    consumer_key: ConsumerKey = "",
    consumer_secret: ConsumerSecret = "",
    endpoint: EndpointOption = "",
    code: Annotated[
        bool,
        typer.Option("--code", help="Print the code that pairs the WordPress plugin, which makes the webhooks itself."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make one webhook a topic in WooCommerce, with the secret that this side has.

    A webhook that leads here already gets the secret again and is switched on; others are listed and left alone. Saving one sends a
    ping to the gateway. With `--code` nothing is asked of WooCommerce: the code that is printed goes into the settings page of the
    plugin. It holds the webhooks' secret.
    """
    from twofold.config import secrets_of

    shown = Shown(json)
    edited, wired = _wired(config, "woocommerce", shop, dataset)
    secret = secrets_of(wired.source)[0]
    if code:
        _keep(edited, wired, secret, shown)
        shown.code(loaded(config), wired)
        shown.end()
    api = _woocommerce(wired, endpoint, consumer_key, consumer_secret, json)
    with shown.told():
        api.existing()
        shown.address(wired)
        _keep(edited, wired, secret, shown)
        shown.hooks(api.connect(wired.address, secret))
    shown.end()


@disconnect.command("woocommerce")
def disconnect_woocommerce(
    config: ConfigNeeded = USUAL,
    shop: ShopOption = "",
    consumer_key: ConsumerKey = "",
    consumer_secret: ConsumerSecret = "",
    endpoint: EndpointOption = "",
    json: JsonOption = False,
) -> None:
    """Delete the webhooks that lead to this gateway; a source that `connect` added goes out of the configuration."""
    shown = Shown(json)
    edited, wired = _wired(config, "woocommerce", shop, "")
    api = _woocommerce(wired, endpoint, consumer_key, consumer_secret, json)
    with shown.told():
        shown.hooks(api.disconnect(wired.address))
        _unwire(edited, wired, shown)
    shown.end()


@connect.command("stripe")
def connect_stripe(
    config: ConfigNeeded = USUAL,
    shop: ShopOption = "",
    dataset: DatasetForNew = "",
    api_key: StripeKey = "",
    endpoint: EndpointOption = "",
    json: JsonOption = False,
) -> None:
    """Make a webhook endpoint at Stripe with all events, and keep the secret that its answer holds.

    Stripe tells that secret once. An endpoint that leads here and whose secret is kept is brought up to date; one whose secret is not
    known any more is made anew. Others are listed and left alone. A key of test mode makes an endpoint of test mode.
    """
    from twofold.config import secrets_of

    shown = Shown(json)
    edited, wired = _wired(config, "stripe", shop, dataset)
    api = _stripe(endpoint, api_key, json)
    kept: list[str] = []

    def keep(secret: str) -> None:
        _write_secret(edited, wired, secret)
        kept.append(secret)

    with shown.told():
        knows = not wired.added and secrets_of(wired.source)[0].startswith("whsec_")
        shown.hooks(api.connect(wired.address, knows, keep))
        shown.address(wired)
        for secret in kept:
            _gateway_told(edited, wired, secret, shown)
    shown.end()


@disconnect.command("stripe")
def disconnect_stripe(
    config: ConfigNeeded = USUAL,
    shop: ShopOption = "",
    api_key: StripeKey = "",
    endpoint: EndpointOption = "",
    json: JsonOption = False,
) -> None:
    """Delete the endpoint that leads to this gateway; a source that `connect` added goes out of the configuration."""
    shown = Shown(json)
    edited, wired = _wired(config, "stripe", shop, "")
    api = _stripe(endpoint, api_key, json)
    with shown.told():
        shown.hooks(api.disconnect(wired.address))
        _unwire(edited, wired, shown)
    shown.end()


@connect.command("meta")
def connect_meta(
    config: ConfigNeeded = USUAL,
    dataset: Annotated[str, typer.Option("--dataset", help="Dataset id at Meta. Default: the configured one.")] = "",
    token: MetaToken = "",
    test_code: Annotated[
        str,
        typer.Option(
            help="Code of Events Manager > Test events: one event is sent under it and seen to arrive. It counts there."
        ),
    ] = "",
    endpoint: EndpointOption = "",
    json: JsonOption = False,
) -> None:
    """Try a token of Meta's against the dataset, keep it, and see one event arrive.

    Lists the datasets that the token may use and whose they are, as far as it may say so. The token goes into the private file and
    into the running gateway. With `--test-code` one event goes through the gateway, and is shown as it arrived: its action_source and
    which identifiers it carried.
    """
    import time

    from twofold.setup.answers import GRAPH, read_address, read_dataset
    from twofold.setup.connect import meta
    from twofold.setup.connect.wiring import environment_wins
    from twofold.setup.doctor.platform import TEST_CODE, finding_of
    from twofold.setup.editing import Edited
    from twofold.setup.trial import try_event

    shown = Shown(json)
    edited = Edited(config)
    number, destination = meta.destination_of(edited, dataset)
    wanted = read_dataset(dataset) or destination.remote_dataset
    api = read_address(endpoint) or GRAPH
    token = token or asked_for(
        "Access token (Events Manager > your dataset > Settings > Conversions API)", json, hidden=True
    )
    exchange = new_exchange()
    graph = meta.graph_for(exchange, destination, api, token)
    with shown.told():
        shown.findings(meta.examine(graph, wanted))
        shown.findings(meta.others(graph, wanted))
        (name,) = meta.write(edited, number, destination, wanted, api, token)
        settings = loaded(config)
        written = settings.destination[number]
        wins = environment_wins(name, token)
        shown.findings([wins] if wins else [])
        told = gateway_told(settings, config, {written.name: token})
        shown.findings([told])
        if test_code and told.state == "ok":
            name = f"test event to {written.name}"
            shown.findings([finding_of(name, try_event(settings, written, exchange, time.time(), test_code))])
        elif not test_code:
            shown.next("no event was sent to see it arrive", TEST_CODE.replace("doctor", "connect meta"))
    shown.end()


@disconnect.command("meta")
def disconnect_meta(
    config: ConfigNeeded = USUAL,
    dataset: Annotated[str, typer.Option("--dataset", help="Of several datasets, the one that is meant.")] = "",
    json: JsonOption = False,
) -> None:
    """Forget Meta's token; events go to the sandbox on this machine from then on. At Meta nothing changes: delete the token there."""
    from twofold.setup.connect import meta
    from twofold.setup.editing import Edited
    from twofold.setup.finding import ok

    shown = Shown(json)
    edited = Edited(config)
    number, _ = meta.destination_of(edited, dataset)
    drawn = secrets.token_hex(KEY_BYTES)
    meta.write_sandbox(edited, number, drawn)
    settings = loaded(config)
    shown.findings(
        [
            ok("token", "forgotten; the endpoint is the sandbox"),
            gateway_told(settings, config, {settings.destination[number].name: drawn}),
        ]
    )
    shown.next(
        "Meta still knows the token",
        "Events Manager > your dataset > Settings > Conversions API, or Business settings > System users",
    )
    shown.end()


# -- printing


class Shown:
    """Prints each line as it comes, and knows whether something is left to be done."""

    def __init__(self, json: bool) -> None:
        self._json = json
        self._failed = False

    def told(self) -> _Telling:
        return _Telling(self)

    def scopes(self, scopes: Iterable[str], missing: list[str]) -> None:
        from twofold.setup.connect.shopify import APP_CLICKS
        from twofold.setup.finding import look, ok

        had = ", ".join(scopes) or "none"
        self.findings(
            [look("scopes", f"{had}; without {', '.join(missing)}", APP_CLICKS) if missing else ok("scopes", had)]
        )

    def address(self, wired: Wired) -> None:
        from twofold.setup.connect.wiring import unreached

        found = unreached(wired.address)
        self.findings([found] if found else [])

    def findings(self, found: Iterable[Finding]) -> None:
        for finding in found:
            self._failed |= finding.state == "do"
            show(finding, self._json)

    def next(self, text: str, mend: str) -> None:
        from twofold.setup.finding import look

        self.findings([look("next", text, mend)])

    def hooks(self, hooks: Iterator[Hook]) -> None:
        for hook in hooks:
            self._failed |= hook.state == "refused" and hook.needed
            if self._json:
                from twofold.commands.output.rows.setup import Webhook

                print_rows(
                    Webhook,
                    [
                        {
                            "topic": hook.topic,
                            "address": hook.address,
                            "state": str(hook.state),
                            "text": hook.text or None,
                        }
                    ],
                )
            else:
                text = f": {hook.text}" if hook.text else ""
                say(plain(f"{hook.state:<8} {hook.topic} -> {hook.address}{text}"))

    def code(self, settings: Any, wired: Wired) -> None:
        from twofold.setup.connect.pairing import CLICKS, pairing_code

        code = pairing_code(settings, wired)
        if self._json:
            from twofold.commands.output.rows.setup import PairingCode

            print_rows(PairingCode, [{"code": code, "where": CLICKS}])
        else:
            say(code)
            print(f"twofold: {CLICKS}", file=sys.stderr)

    def failed(self, said: str, mend: str) -> None:
        from twofold.setup.finding import do

        self.findings([do("not connected", said, mend)])

    def end(self) -> None:
        raise typer.Exit(1 if self._failed else 0)


class _Telling:
    """What a platform refuses is a line with its cure, and ends the command with exit code 1."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from twofold.setup.connect.contract import NotConnected

        if isinstance(error, NotConnected):
            self._shown.failed(error.said, error.mend)
            raise typer.Exit(1) from None


# -- this side


def _wired(config: Path, system: str, shop: str, dataset: str) -> tuple[Edited, Wired]:
    from twofold.setup.connect.wiring import wire
    from twofold.setup.editing import Edited

    edited = Edited(config)
    return edited, wire(edited, system, shop, dataset, secrets.token_hex(KEY_BYTES))


def _keep(edited: Edited, wired: Wired, secret: str, shown: Shown) -> None:
    _write_secret(edited, wired, secret)
    _gateway_told(edited, wired, secret, shown)


def _write_secret(edited: Edited, wired: Wired, secret: str) -> None:
    from twofold.setup.connect.wiring import keep_secret

    keep_secret(edited, wired, secret)


def _gateway_told(edited: Edited, wired: Wired, secret: str, shown: Shown) -> None:
    from twofold.setup.connect.wiring import environment_wins

    wins = environment_wins(wired.secret_name, secret)
    shown.findings([wins] if wins else [])
    shown.findings([gateway_told(loaded(edited.path), edited.path, {wired.source.path: secret})])


def gateway_told(settings: Any, config: Path, expected: dict[str, str]) -> Finding:
    from twofold.setup.connect.wiring import tell_gateway

    return tell_gateway(Path(settings.server.data), config, expected)


def _unwire(edited: Edited, wired: Wired, shown: Shown) -> None:
    """Takes the source out again where `connect` put it; one that a person wrote stays."""
    from twofold.config.private import private_file, write_private
    from twofold.setup.connect.wiring import mark
    from twofold.setup.finding import ok

    source = wired.source
    if wired.added or not edited.remove(mark(source.type, source.shop)):
        shown.findings([left_as_it_is(source, is_there=not wired.added)])
        return
    edited.save()
    write_private(private_file(edited.path), {wired.secret_name: None})
    shown.findings(
        [
            ok("configuration", f"the source {source.type} {source.shop} is gone"),
            gateway_told(loaded(edited.path), edited.path, {}),
        ]
    )


def left_as_it_is(source: SourceSettings, *, is_there: bool) -> Finding:
    """What is said of a source that is not taken out: somebody's own, or none (any more)."""
    from twofold.setup.finding import ok

    why = "stays: somebody wrote it" if is_there else "is not in it: nothing was to be taken out"
    return ok("configuration", f"the source {source.type} {source.shop} {why}")


def loaded(config: Path) -> Any:
    from twofold.config import load_settings

    return load_settings(config, warn=lambda _text, _line: None)


# -- the platforms


def new_exchange() -> Exchange:
    from twofold.pulling.exchange import Exchange

    return Exchange(timeout_s=ASK_S, tries=1)


def _must_be_shopifys(wired: Wired) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", wired.source.shop):
        raise ConfigError(
            f"a Shopify shop is named by Shopify's own domain, as demo.myshopify.com; got {wired.source.shop!r}"
        )


def _shopify(wired: Wired, endpoint: str, client_id: str, client_secret: str, token: str) -> Any:
    from twofold.setup.answers import read_address
    from twofold.setup.connect.shopify import Shopify

    base = read_address(endpoint) or f"https://{wired.source.shop}"
    return Shopify(exchange=new_exchange(), base=base, client_id=client_id, client_secret=client_secret, token=token)


def _woocommerce(wired: Wired, endpoint: str, key: str, secret: str, json: bool) -> Any:
    from twofold.setup.connect.woocommerce import WooCommerce

    base = endpoint.rstrip("/") or f"https://{wired.source.shop}"
    if not base.startswith("https://") and not re.match(r"http://(127\.0\.0\.1|localhost)(:|/|$)", base):
        raise ConfigError(f"the consumer secret must not go over {base}: expected an address with https://")
    key = key or asked_for("Consumer key (WooCommerce > Settings > Advanced > REST API, Read/Write)", json)
    secret = secret or asked_for("Consumer secret", json, hidden=True)
    return WooCommerce(exchange=new_exchange(), base=base, consumer_key=key, consumer_secret=secret)


def _stripe(endpoint: str, key: str, json: bool) -> Any:
    from twofold.setup.answers import read_address
    from twofold.setup.connect.stripe import ENDPOINT, Stripe

    key = key or asked_for(
        "API key (dashboard.stripe.com > Developers > API keys; restricted, Webhook Endpoints: Write)",
        json,
        hidden=True,
    )
    return Stripe(exchange=new_exchange(), key=key, base=read_address(endpoint) or ENDPOINT)


def asked_for(question: str, json: bool, hidden: bool = False) -> str:
    """From a person; machines give every credential as a variable."""
    if json:
        raise typer.BadParameter(f"with --json nothing is asked: give it as an option or variable. Missing: {question}")
    answer = str(typer.prompt(question, hide_input=hidden)).strip()
    if not answer:
        raise typer.BadParameter(f"nothing was given for: {question}")
    return answer
