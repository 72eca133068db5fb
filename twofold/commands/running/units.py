"""The texts of a service: systemd's unit, its timer for backups, and what a proxy in front says.

Owns their words. Pure: values in, texts out. What is true of this machine is `service`'s to find out.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from msgspec import Struct

STATE = "twofold"
"""Under /var/lib: systemd makes it, for the service's user alone."""


class Service(Struct, frozen=True, kw_only=True):
    """What the texts say of one installation."""

    program: tuple[str, ...]
    config: Path
    env: Path
    user: str
    port: int
    max_body: int
    domain: str = ""
    home_readable: bool = False  # the program lies in somebody's home
    backups: Path | None = None
    erasures: Path | None = None
    recipient: str = ""

    @property
    def data(self) -> str:
        return f"/var/lib/{STATE}"


_HARDENING = """\
# Nothing but its own folder can be written, nothing of the machine can be changed, no right can be gained.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
UMask=0077
"""


def gateway_unit(service: Service) -> str:
    """`twofold.service`"""
    return f"""\
# Written by `twofold install-service`. What is to be otherwise: `systemctl edit twofold`.
[Unit]
Description=Twofold, conversion measurement gateway
Wants=network-online.target
After=network-online.target time-sync.target

[Service]
Type=exec
User={service.user}
Group={service.user}
# The private file is read here, as root, and by the program: let its group be {service.user}, its mode 0640.
EnvironmentFile=-{_path(service.env)}
ExecStart={_command(service, "serve", "--config", str(service.config), "--data", service.data)}
StateDirectory={STATE}
StateDirectoryMode=0700
# It ends by itself within 10 s: what was accepted is on disk long before.
KillMode=mixed
TimeoutStopSec=15
Restart=on-failure
RestartSec=2
# A wrong configuration, a folder that lost something or is somebody else's: starting again mends none of them.
RestartPreventExitStatus=2 3 4
LimitNOFILE=65536
OOMScoreAdjust=-200
{_hardening(service)}
[Install]
WantedBy=multi-user.target
"""


def backup_unit(service: Service) -> str:
    """`twofold-backup.service`, run by its timer."""
    words = ["backup", *([str(service.backups)] if service.backups else [])]
    words += ["--erasures", str(service.erasures)] if service.erasures else []
    words += ["--recipient", service.recipient] if service.recipient else []
    writable = " ".join(_path(place) for place in (service.backups, service.erasures) if place is not None)
    return f"""\
# Written by `twofold install-service`. Says nothing while all is well; a failure is in the journal and in /health (backup).
[Unit]
Description=Twofold, backup
RequiresMountsFor={writable}

[Service]
Type=oneshot
User={service.user}
Group={service.user}
EnvironmentFile=-{_path(service.env)}
ExecStart={_command(service, *words, "--config", str(service.config), "--data", service.data)}
StateDirectory={STATE}
StateDirectoryMode=0700
ReadWritePaths={writable}
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
{_hardening(service)}"""


def backup_timer() -> str:
    """`twofold-backup.timer`"""
    return """\
# Written by `twofold install-service`.
[Unit]
Description=Twofold, backup each night

[Timer]
OnCalendar=*-*-* 03:17:00
RandomizedDelaySec=20min
Persistent=yes

[Install]
WantedBy=timers.target
"""


def user_file(service: Service) -> str:
    """For systemd-sysusers: the user that owns nothing but the data folder."""
    return f'# Written by `twofold install-service`.\nu {service.user} - "Twofold" {service.data}\n'


def caddy_snippet(service: Service) -> str:
    """A site of a Caddyfile. Caddy fetches and renews the certificate by itself."""
    return f"""\
# Written by `twofold install-service`. Set proxies = 1 under [server], so that the address is read as written here.
{service.domain} {{
	# As the gateway itself (server.max_body_bytes); what says no length is cut later, after the gateway has refused it.
	@large expression `{{http.request.header.Content-Length}}.matches("^[0-9]+$") && int({{http.request.header.Content-Length}}) > {service.max_body}`
	respond @large 413
	request_body {{
		max_size {2 * service.max_body}
	}}
	# Figures and pages for people are not for outside: reach them through ssh -L, or a name of their own.
	@closed path /metrics /metrics/* /console /console/*
	respond @closed 404
	reverse_proxy 127.0.0.1:{service.port} {{
		# The address that came to this proxy, and nothing that the client claims.
		header_up X-Forwarded-For {{remote_host}}
		header_up -Forwarded
	}}
	handle_errors {{
		@later expression `{{err.status_code}} in [502, 503, 504]`
		header @later Retry-After 5
		respond @later 503
		respond {{err.status_code}}
	}}
	# No access log: addresses may hold click ids and hashed contact data.
}}
"""


def nginx_snippet(service: Service) -> str:
    """A file for nginx's sites. The certificate is certbot's."""
    return f"""\
# Written by `twofold install-service`. Set proxies = 1 under [server], so that the address is read as written here.
upstream twofold {{
    server 127.0.0.1:{service.port};
    keepalive 64;
}}

server {{
    listen 80;
    listen [::]:80;
    server_name {service.domain};
    location /.well-known/acme-challenge/ {{ root /var/www/html; }}
    location / {{ return 301 https://$host$request_uri; }}
}}

server {{
    listen 443 ssl http2;
    listen [::]:443 ssl http2;
    server_name {service.domain};
    ssl_certificate /etc/letsencrypt/live/{service.domain}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{service.domain}/privkey.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    server_tokens off;

    # As the gateway itself: server.max_body_bytes.
    client_max_body_size {service.max_body};
    client_header_timeout 15s;
    client_body_timeout 15s;

    # No access log: addresses may hold click ids and hashed contact data.
    access_log off;

    # Figures and pages for people are not for outside: reach them through ssh -L, or a name of their own.
    location /metrics {{ return 404; }}
    location /console {{ return 404; }}

    location / {{
        proxy_pass http://twofold;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        # The address that came to this proxy, and nothing that the client claims.
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Forwarded "";
        proxy_read_timeout 30s;
        # An event that may have been taken is not sent again by the proxy: its sender decides.
        proxy_next_upstream off;
        error_page 502 504 =503 @later;
    }}
    location @later {{
        internal;
        add_header Retry-After 5 always;
        return 503;
    }}
}}
"""


def _hardening(service: Service) -> str:
    # read-only: the program itself lies in somebody's home, where systemd would else hide it
    writes = "read-only" if service.home_readable else "yes"
    return _HARDENING.format(home=writes)


def _command(service: Service, *words: str) -> str:
    return " ".join(_word(word) for word in (*service.program, *words))


def _word(word: str) -> str:
    """As systemd reads a command: % and $ stand for something else there."""
    quoted = word.replace("%", "%%").replace("$", "$$")
    if shlex.quote(word) == word:
        return quoted
    inner = quoted.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def _path(path: Path) -> str:
    return str(path).replace("%", "%%").replace(" ", "\\x20")
