# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Several hosts of PostgreSQL in one option."""

import pytest

from odoo.addons.queue_job.core.host_list import each_host


@pytest.mark.parametrize(
    ("hosts", "ports", "expected"),
    [
        (None, None, [("", "")]),
        (False, False, [("", "")]),
        ("a", 5432, [("a", "5432")]),
        ("a,b", None, [("a", ""), ("b", "")]),
        ("a, b,c", "5432", [("a", "5432"), ("b", "5432"), ("c", "5432")]),
        ("a,b", "1, 2", [("a", "1"), ("b", "2")]),
        ("a,b", "1,", [("a", "1"), ("b", "")]),
        ("/run/a,::1", "1,2", [("/run/a", "1"), ("::1", "2")]),
    ],
)
def test_one_port_for_all_or_one_for_each(hosts, ports, expected):
    assert each_host(hosts, ports) == expected


@pytest.mark.parametrize(
    ("hosts", "ports"), [("a,b,c", "1,2"), ("a,b", "1,2,3"), ("a", "1,2"), (None, "1,2")]
)
def test_another_number_of_ports(hosts, ports):
    with pytest.raises(ValueError, match="one port for all hosts, or one for each") as raised:
        each_host(hosts, ports)
    assert f"host={hosts} and port={ports}" in str(raised.value)
    assert "jobrunner_db_port" in str(raised.value)
