"""What comes from outside, made of anything: it is understood or refused, nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.queue_job.core.channel_config import parse_channels
from odoo.addons.queue_job.core.related_action import parse_related_action
from odoo.addons.queue_job.core.retry import parse_retry_pattern
from odoo.addons.queue_job.core.slot import parse_hints

PIECES = st.sampled_from(
    ["root", ".", ":", "=", ",", "\n", "0", "1", "-1", "1e9", "throttle", "sequential", "paused",
     " ", "{", "}", "(", ")", "'", "__import__('os')", "**", "lambda: 0", "[", "]", "9" * 40]
)  # fmt: skip
TEXT = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))
fuzzed = settings(max_examples=300, deadline=None, derandomize=True)


def refuses(parse, text):
    try:
        parse(text)
    except ValueError as error:
        assert str(error)


@fuzzed
@given(TEXT)
def test_channels(text):
    refuses(parse_channels, text)


@fuzzed
@given(TEXT)
def test_retry_pattern(text):
    refuses(parse_retry_pattern, text)


@fuzzed
@given(TEXT)
def test_related_action(text):
    refuses(parse_related_action, text)


@fuzzed
@given(st.one_of(st.none(), TEXT))
def test_hints(text):
    assert all(isinstance(hint, int) and hint >= 0 for hint in parse_hints(text))
