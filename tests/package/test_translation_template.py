"""The translation template has the terms of the addon as it is, each with its places."""

import difflib

import polib

from stack.odoo import OdooConfig, clean_environ
from stack.places import REPOSITORY
from stack.process import Child

TEMPLATE = REPOSITORY / "queue_job" / "i18n" / "queue_job.pot"


def test_template_is_up_to_date(cluster, database, tmp_path):
    fresh = export(OdooConfig(cluster.places, database), tmp_path)
    difference = difflib.unified_diff(
        terms(TEMPLATE), terms(fresh), "the template", "the addon", n=4, lineterm=""
    )
    text = "\n".join(difference)
    assert not text, f"take the new template over with\ncp {fresh} {TEMPLATE}\n{text}"


def export(config, directory):
    """Return the path of the template that Odoo's own command makes in ``directory``."""
    conf, path = config.write(directory / "odoo.conf"), directory / TEMPLATE.name
    log = directory / "export.log"
    command = [config.places.odoo, "i18n", "export", "-c", conf, "-o", path, "queue_job"]
    with Child(command, log, env=clean_environ()) as child:
        assert child.process.wait() == 0, log.read_text()
    return path


def terms(template):
    """Return the terms of a template with their comments and places, as lines; its header is left out."""
    return [line for entry in polib.pofile(str(template)) for line in str(entry).splitlines()]
