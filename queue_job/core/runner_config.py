# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The configuration of the job runner as one value, read from plain mappings."""

from dataclasses import dataclass, field

from .channel_config import parse_channels, runner_enabled

DEFAULT_CHANNELS = "root:1"
ENVIRONMENT_PREFIX = "ODOO_QUEUE_JOB_"
DATABASE_OPTIONS = ("host", "port", "user", "password")

TRUE = ("1", "true", "yes", "on")
FALSE = ("", "0", "false", "no", "off")

#: Addresses on which a server listens everywhere, but which nobody can connect to.
WILDCARD_ADDRESSES = ("0.0.0.0", "::", "")


@dataclass(frozen=True)
class RunnerConfig:
    """How the runner reaches Odoo and PostgreSQL, and what may run at once.

    :param str channels: text of the channel configuration
    :param str scheme: of the URL of Odoo: http or https
    :param str host: of Odoo; several with commas between them, each with a port of its own
        behind a colon where it has one
    :param int port: of Odoo
    :param user: str, of basic authentication in front of Odoo; None: no authentication
    :param password: str
    :param dict database: connection options that differ from Odoo's own: some of
        ``host port user password``
    :param bool poll_only: ask the databases in intervals, for there is a pooler of
        transactions before them, which breaks notifications and the locks of sessions
    :param health_file: str, path of the file that the runner renews as long as its loop goes on;
        None: no file
    """

    channels: str = DEFAULT_CHANNELS
    scheme: str = "http"
    host: str = "localhost"
    port: int = 8069
    user: str | None = None
    password: str | None = None
    database: dict = field(default_factory=dict)
    poll_only: bool = False
    health_file: str | None = None

    @property
    def enabled(self):
        """Whether a runner should run here: not with a root channel of capacity 0."""
        return runner_enabled(self.channels)

    @property
    def urls(self):
        """The servers that run jobs, each once: list of str, without a path."""
        hosts = [host.strip() for host in self.host.split(",")]
        return list(dict.fromkeys(self._url(host) for host in hosts if host))

    @property
    def url(self):
        """The first of :attr:`urls`."""
        return self.urls[0]

    def _url(self, host):
        host, port = _split_port(host)
        host = f"[{host}]" if ":" in host else host
        return f"{self.scheme}://{host}:{port or self.port}"


def resolve(environ, section, odoo):
    """Read the configuration: the environment first, then the section, then Odoo's own.

    :param environ: mapping, the environment variables
    :param section: mapping, the section ``[queue_job]`` of odoo.conf
    :param odoo: mapping with Odoo's ``http_interface`` and ``http_port``
    :return: :class:`RunnerConfig`
    :raise ValueError: with one line for each thing that is wrong
    """

    def option(name, default=None):
        return environ.get(ENVIRONMENT_PREFIX + name.upper()) or section.get(name) or default

    errors = []
    channels = option("channels", DEFAULT_CHANNELS)
    scheme = option("scheme", "http")
    port = option("port", odoo.get("http_port") or 8069)
    _collect(errors, lambda: parse_channels(channels))
    if scheme not in ("http", "https"):
        errors.append(f"scheme {scheme!r}: it is http or https")
    if not _is_port(port):
        errors.append(f"port {port!r}: it is a number from 1 to 65535")
    poll_only = str(option("poll_only", "")).strip().lower()
    if poll_only not in TRUE + FALSE:
        errors.append(f"poll_only {poll_only!r}: it is true or false")
    host = _reachable(option("host", odoo.get("http_interface")))
    errors += [
        f"host {name!r}: its port is not a number from 1 to 65535"
        for name in host.split(",")
        if (own := _split_port(name.strip())[1]) and not _is_port(own)
    ]
    if errors:
        raise ValueError("\n".join(errors))
    return RunnerConfig(
        channels=channels,
        scheme=scheme,
        host=host,
        port=int(port),
        poll_only=poll_only in TRUE,
        health_file=option("health_file"),
        user=option("http_auth_user"),
        password=option("http_auth_password"),
        database={
            name: value for name in DATABASE_OPTIONS if (value := option(f"jobrunner_db_{name}"))
        },
    )


def _split_port(host):
    """:return: (host, port or None) of ``host``, ``host:port``, ``[v6]:port`` or an IPv6 address"""
    if host.startswith("["):
        address, _bracket, rest = host[1:].partition("]")
        return address, rest.removeprefix(":") or None
    name, _colon, port = host.rpartition(":")
    return (name, port) if name and ":" not in name else (host, None)


def _is_port(port):
    return str(port).isdecimal() and 0 < int(port) < 65536


def _reachable(host):
    host = (host or "").strip()
    return "localhost" if host in WILDCARD_ADDRESSES else host


def _collect(errors, check):
    try:
        check()
    except ValueError as error:
        errors.append(str(error))
