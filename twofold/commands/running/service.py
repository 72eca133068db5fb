"""``twofold install-service``: the files by which systemd runs a gateway, and a proxy stands in front of it.

Owns what is written where, and what is said of it: nothing that differs is written over. The texts are `units`'.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from twofold.commands.options import JsonOption
from twofold.commands.output.printing import print_rows, say

if TYPE_CHECKING:
    from twofold.commands.running.units import Service
    from twofold.config import Settings

UNITS, PEOPLE = Path("/etc/systemd/system"), Path("/etc/sysusers.d")
HOMES = ("/home", "/root", "/run/user")
Proxy = Literal["caddy", "nginx"]
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def install_service(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="Configuration file (TOML).", envvar="TWOFOLD_CONFIG")
    ] = Path("/etc/twofold/twofold.toml"),
    user: Annotated[str, typer.Option(help="The user it runs as; systemd makes it.")] = "twofold",
    proxy: Annotated[Proxy | None, typer.Option(help="Also what this proxy says in front; needs --domain.")] = None,
    domain: Annotated[str, typer.Option(help="Public name of the gateway, e.g. signal.shop.example.")] = "",
    backup: Annotated[Path | None, typer.Option(help="Keep a backup there each night.")] = None,
    erasures: Annotated[Path | None, typer.Option(help="Where its copy of the erasures goes; another place.")] = None,
    recipient: Annotated[str, typer.Option(help="Public key of age that this copy is sealed to.")] = "",
    into: Annotated[
        Path | None, typer.Option(help="Write all files into this folder instead, to look at them.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that say something else.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the files and write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a hardened systemd unit, on request with a nightly backup, and what Caddy or nginx says in front.

    The gateway runs as a user of its own with /var/lib/twofold as its data folder and no other rights. The configuration is
    read and checked first. A file that is there already and says something else is left alone, unless `--force`.
    """
    from twofold.commands.output.rows.running import Installed
    from twofold.config import load_settings

    if (backup is None) != (erasures is None):
        raise typer.BadParameter("--backup and --erasures go together: a restore needs both")
    if proxy is not None and not _DOMAIN.fullmatch(domain):
        raise typer.BadParameter(
            f"--domain: expected a public name such as signal.shop.example, got {domain or 'nothing'}"
        )
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,30}", user):
        raise typer.BadParameter(f"--user: expected a name such as twofold, got {user}")
    settings = load_settings(config)
    service = _service(config, settings, user, domain, (backup, erasures, recipient))
    files = _files(service, proxy, into)
    rows = [{"file": str(path), "did": _write(path, text, force=force, dry=dry_run)} for path, text in files]
    looks = _looks(service, settings, proxy)
    if as_json:
        print_rows(Installed, [*rows, *({"file": "", "did": "look", "text": text} for text in looks)])
    else:
        _say(files, rows, looks, dry=dry_run)
        if not dry_run and into is None:
            for line in _next(service, proxy):
                say(line)
    raise typer.Exit(1 if any(row["did"] == "left" for row in rows) else 0)


def _service(
    config: Path, settings: Settings, user: str, domain: str, kept: tuple[Path | None, Path | None, str]
) -> Service:
    from twofold.backup.sealing import recipient_of
    from twofold.backup.take import require_apart
    from twofold.commands.running.units import STATE, Service
    from twofold.config.private import private_file

    backup, erasures, recipient = kept
    if recipient:
        recipient_of(recipient)
    require_apart(Path("/var/lib") / STATE, backup, erasures, sealed=bool(recipient))
    program = _program()
    return Service(
        program=program, config=config.absolute(), env=private_file(config.absolute()), user=user, domain=domain,
        port=settings.server.port, max_body=settings.server.max_body_bytes,
        home_readable=any(Path(program[0]).is_relative_to(home) for home in HOMES),
        backups=backup.absolute() if backup else None, erasures=erasures.absolute() if erasures else None,
        recipient=recipient,
    )  # fmt: skip


def _program() -> tuple[str, ...]:
    """How this very program is started again, by whoever has no PATH."""
    script = Path(sys.argv[0]).absolute()
    if script.name == "twofold" and os.access(script, os.X_OK):
        return (str(script),)
    return (sys.executable, "-m", "twofold")


def _files(service: Service, proxy: Proxy | None, into: Path | None) -> list[tuple[Path, str]]:
    from twofold.commands.running import units

    def at(usual: Path, name: str) -> Path:
        return (into or usual) / name

    files = [
        (at(PEOPLE, "twofold.conf"), units.user_file(service)),
        (at(UNITS, "twofold.service"), units.gateway_unit(service)),
    ]
    if service.backups is not None:
        files.append((at(UNITS, "twofold-backup.service"), units.backup_unit(service)))
        files.append((at(UNITS, "twofold-backup.timer"), units.backup_timer()))
    if proxy == "caddy":
        files.append((at(Path("/etc/caddy"), "twofold.caddyfile"), units.caddy_snippet(service)))
    if proxy == "nginx":
        files.append((at(Path("/etc/nginx/sites-available"), "twofold.conf" if into is None else "twofold.nginx.conf"),
                      units.nginx_snippet(service)))  # fmt: skip
    return files


def _write(path: Path, text: str, *, force: bool, dry: bool) -> str:
    """Written, unchanged, or left because it says something else."""
    from twofold.errors import ConfigError

    if dry:
        return "would write"
    try:
        if path.exists():
            if path.read_text(encoding="utf-8") == text:
                return "unchanged"
            if not force:
                return "left"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o644)
        os.replace(fresh, path)
    except OSError as err:
        raise ConfigError(
            f"{path} cannot be written: {err.strerror}; run the command as root, or name a folder with --into"
        ) from err
    return "written"


def _looks(service: Service, settings: Settings, proxy: Proxy | None) -> list[str]:
    found = []
    if proxy is not None and settings.server.proxies == 0:
        found.append("server.proxies is 0: set it to 1, or every sender has the proxy's address")
    if settings.server.host not in ("127.0.0.1", "::1", "localhost"):
        found.append(f"server.host is {settings.server.host}: it can be reached without the proxy")
    if settings.server.port < 1024:
        found.append(
            f"server.port is {settings.server.port}: below 1024 only root may listen; take 8400 behind a proxy"
        )
    if service.home_readable:
        found.append(f"{service.program[0]} lies in somebody's home; install it outside, such as in /opt/twofold")
    return found


def _say(files: list[tuple[Path, str]], rows: list[dict[str, str]], looks: list[str], *, dry: bool) -> None:
    for (path, text), row in zip(files, rows, strict=True):
        if dry:
            say(f"--- {path}\n{text}")
        elif row["did"] == "left":
            say(
                f"LEFT {path}: it is there and says something else; look at it with --dry-run, write over it with --force"
            )
        else:
            say(f"{row['did']:9} {path}")
    for text in looks:
        say(f"LOOK {text}")


def _next(service: Service, proxy: Proxy | None) -> list[str]:
    lines = [
        "Then:",
        "  systemd-sysusers && systemctl daemon-reload",
        f"  chgrp {service.user} {service.config} {service.env} && chmod 640 {service.config} {service.env}",
        "  systemctl enable --now twofold",
    ]
    if service.backups is not None:
        lines.append(f"  install -d -o {service.user} -m 700 {service.backups} {service.erasures}")
        lines.append("  systemctl enable --now twofold-backup.timer")
    if proxy == "caddy":
        lines.append('  add the line "import twofold.caddyfile" to /etc/caddy/Caddyfile, then: systemctl reload caddy')
    if proxy == "nginx":
        lines.append(
            "  ln -s ../sites-available/twofold.conf /etc/nginx/sites-enabled/ && nginx -t && systemctl reload nginx"
        )
    return lines
