"""Whatever a text is, it is one record in the log."""

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.queue_job.core.log_text import one_line, quoted

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
