"""Meta: which datasets a token may use, whose they are, and one event through the gateway that is seen to arrive.

Owns the order of the questions and what is written of their answers. There is nothing to subscribe to: what connects is a token in
the private file, and the dataset and address in the configuration. `disconnect` puts the sandbox in Meta's place.
"""

from __future__ import annotations

from collections.abc import Iterator

from twofold.config import DestinationSettings
from twofold.config.private import private_file, write_private
from twofold.errors import ConfigError
from twofold.pulling.exchange import Exchange
from twofold.setup.answers import PLACEHOLDER, SANDBOX
from twofold.setup.connect.contract import NotConnected
from twofold.setup.editing import Edited, secret_name
from twofold.setup.finding import Finding, do, look, ok
from twofold.setup.graph import NEW_TOKEN, SENDS, Dataset, Graph


def destination_of(edited: Edited, dataset: str) -> tuple[int, DestinationSettings]:
    """The destination that is Meta's, of several the one of a dataset. Raises `ConfigError`."""
    settings = edited.settings({})
    found = [(n, d) for n, d in enumerate(settings.destination) if d.platform == "meta"]
    if len(found) > 1:
        found = [(n, d) for n, d in found if dataset in (d.dataset, d.remote_dataset)]
    if len(found) != 1:
        raise ConfigError(
            "which destination? The configuration has none of Meta's, or several: name its dataset with --dataset"
        )
    return found[0]


def examine(graph: Graph, dataset: str) -> Iterator[Finding]:
    """What the token may do. Raises `NotConnected` where it may not send."""
    access = graph.try_dataset(dataset)
    if access.works is not True:
        raise NotConnected(access.said, access.mend or NEW_TOKEN)
    yield ok("token", f"{access.said} {dataset}")
    about = graph.about_token()
    if about is None:
        yield look("scopes", "the token may not say which it has, as those of Events Manager mostly may not")
    elif about.scopes and SENDS.isdisjoint(about.scopes):
        yield do("scopes", f"{', '.join(about.scopes)}: none of {', '.join(sorted(SENDS))}", NEW_TOKEN)
    else:
        yield ok("scopes", ", ".join(about.scopes) or "none told")
    whose = graph.about_dataset(dataset)
    if whose is not None:
        yield ok("dataset", _shown(whose))


def others(graph: Graph, dataset: str) -> Iterator[Finding]:
    """The datasets that the token was given besides."""
    for one in graph.datasets():
        if one.id != dataset:
            yield ok("may also use dataset", _shown(one))


def write(
    edited: Edited, number: int, destination: DestinationSettings, dataset: str, endpoint: str, token: str
) -> list[str]:
    """Token, dataset and address into the two files; names what the running gateway cannot take over."""
    name = secret_name(edited.tree, ("destination", number, "token"))
    if not name:
        raise ConfigError(
            f'the token stands in {edited.path} itself; write it as "env:META_TOKEN", so that it can be kept beside it'
        )
    if endpoint != destination.endpoint:
        edited.set_value(("destination", number, "endpoint"), endpoint)
    if dataset != destination.remote_dataset:
        if destination.dataset != PLACEHOLDER:
            raise ConfigError(
                f"the configuration is for dataset {destination.remote_dataset}, not {dataset}: events of one must not go to another. "
                "Change the ids yourself if that is meant, with an empty data folder"
            )
        _rename(edited, destination.dataset, dataset)
    edited.settings({name: token})
    write_private(private_file(edited.path), {name: token})
    edited.save({name: token})
    return [name]


def write_sandbox(edited: Edited, number: int, drawn: str) -> None:
    """The sandbox in Meta's place, with a token that is nobody's."""
    edited.set_value(("destination", number, "endpoint"), SANDBOX)
    name = secret_name(edited.tree, ("destination", number, "token"))
    if name:
        write_private(private_file(edited.path), {name: drawn})
    edited.save({name: drawn} if name else None)


def graph_for(exchange: Exchange, destination: DestinationSettings, endpoint: str, token: str) -> Graph:
    return Graph(
        exchange=exchange, endpoint=endpoint, version=destination.version, token=token, app_secret=destination.app_secret
    )  # fmt: skip


def _rename(edited: Edited, old: str, new: str) -> None:
    """A placeholder's number, wherever it names the dataset."""
    for table, field in (("dataset", "id"), ("destination", "dataset"), ("source", "dataset")):
        for number, one in enumerate(edited.tree.get(table, ())):
            if one.get(field) == old:
                edited.set_value((table, number, field), new)


def _shown(dataset: Dataset) -> str:
    owner = f", owned by {dataset.business}" if dataset.business else ""
    return f"{dataset.id} {dataset.name}{owner}".strip()
