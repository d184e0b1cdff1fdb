"""Whatever a text is, it is one record in the log."""

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.queue_job.core.log_text import LONGEST, one_line, quoted

EVIL = st.lists(
    st.sampled_from(["\n", "\r", "\x1b[2J", "\x00", "\u2028", "\u202e", "\x85", "\x0b", "\ud800", "2026 ERROR", "é", " "])
).map("".join)  # fmt: skip
fuzzed = settings(max_examples=300, deadline=None, derandomize=True)


@fuzzed
@given(EVIL)
def test_one_line(text):
    assert one_line(text).isprintable()


@fuzzed
@given(EVIL)
def test_quoted(text):
    assert all(
        line.startswith("    ") and line.isprintable() for line in quoted(text).split("\n") if line
    )


@fuzzed
@given(st.text())
def test_anything(text):
    assert "\n" not in one_line(text)
    quoted(text).encode()


def test_what_is_harmless_stays():
    text = 'File "a.py", line 1\n\traise ValueError("é … 你好 🙂")'
    assert quoted(text) == f"    {text}".replace("\n", "\n    ")


def test_the_middle_of_a_very_long_text_is_left_out():
    text = "first" + "x" * 10**7 + "last"
    lines = quoted(text).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("    first")
    assert lines[2].endswith("last")
    assert "9,934,473 characters are left out" in lines[1]
    assert sum(map(len, lines)) < 2 * LONGEST
