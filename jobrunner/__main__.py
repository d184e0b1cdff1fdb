"""``python -m jobrunner -c odoo.conf [--check | --health]``: the command ``odoo jobrunner`` of the addon beside this folder.

Odoo looks for an addon's command in the addons path, and before it reads ``-c``. So the path is handed over first: this
checkout, then what the configuration says. ``--health`` does without Odoo, since containers ask for it again and again.
"""

import configparser
import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def configuration_file(arguments, environ=os.environ):
    """Return the configuration file that Odoo will read, None for Odoo's defaults."""
    for position, argument in enumerate(arguments):
        if argument in ("-c", "--config"):
            return arguments[position + 1] if position + 1 < len(arguments) else None
        for prefix in ("--config=", "-c"):
            if argument.startswith(prefix):
                return argument.removeprefix(prefix)
    return environ.get("ODOO_RC")


def addons_path(file):
    """Return the addons path for Odoo's command line."""
    parser = configparser.RawConfigParser()
    if file:
        with open(file) as stream:
            parser.read_file(stream)
    configured = parser.get("options", "addons_path", fallback="")
    paths = [path.strip() for path in configured.split(",") if path.strip()]
    return ",".join([str(CHECKOUT), *(path for path in paths if Path(path) != CHECKOUT)])


def main(arguments):
    if any(argument.startswith("--health") for argument in arguments):
        sys.path.insert(0, str(CHECKOUT / "queue_job" / "jobrunner"))
        import health

        own = list(filter(health.is_option, arguments))
        sys.exit(health.main(configuration_file(arguments), own))
    try:
        path = addons_path(configuration_file(arguments))
    except (OSError, configparser.Error) as error:
        sys.exit(f"jobrunner: the configuration can't be read: {' '.join(str(error).split())}")
    try:
        from odoo import cli
    except ImportError:
        sys.exit(
            f"jobrunner: {sys.executable} has no Odoo: use the Python that Odoo is installed for"
        )
    sys.argv = ["odoo", f"--addons-path={path}", "jobrunner", *arguments]
    cli.main()


if __name__ == "__main__":
    main(sys.argv[1:])
