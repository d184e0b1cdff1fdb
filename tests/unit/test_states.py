# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The moves in the documentation are those of the code."""

import re
from pathlib import Path

from odoo.addons.queue_job.core import states

DOCUMENT = Path(__file__).parents[2] / "docs" / "state_machine.rst"


def documented_moves():
    text = DOCUMENT.read_text(encoding="utf-8")
    moves = text.split(".. moves")[1].split(".. end of moves")[0]
    return {
        source: set(re.findall(r"``(\w+)``", targets))
        for source, targets in re.findall(r"^\* ``(\w+)`` → (.*)$", moves, re.MULTILINE)
    }


def test_document_and_code_agree():
    assert documented_moves() == states.TRANSITIONS


def test_every_state_has_a_label_and_moves():
    names = [name for name, _label in states.STATES]
    assert set(states.TRANSITIONS) == set(names)
    assert len(names) == len(set(names)) == 7


def test_states_end_as_the_contract_says():
    assert [name for name, _label in states.STATES][-3:] == ["done", "cancelled", "failed"]


def test_buttons_only_make_legal_moves():
    assert all("pending" in states.TRANSITIONS[s] for s in states.REQUEUABLE_STATES)
    assert all({"done", "cancelled"} <= states.TRANSITIONS[s] for s in states.CLOSABLE_STATES)
