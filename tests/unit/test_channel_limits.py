# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import pytest

from odoo.addons.queue_job.core.channel_config import ChannelConfig, parse_channels
from odoo.addons.queue_job.core.channel_limits import ChannelLimits, limited

TEXT = "root:8, root.mail:2, erp:1:sequential, root.slow:3:throttle=5, root.off:1:paused"


def texts(*databases, text=TEXT):
    """The configuration as text, of the channels that differ from the written one."""
    configs = limited(parse_channels(text), list(databases))
    return sorted(set(map(str, configs)) - set(map(str, parse_channels(text))))


def test_without_limits_all_is_as_written():
    assert limited(parse_channels(TEXT), [[]]) == parse_channels(TEXT)
    assert limited(parse_channels(TEXT), []) == parse_channels(TEXT)


@pytest.mark.parametrize(
    ("limits", "config"),
    [
        (ChannelLimits("root", True, 20), "root:20"),
        (ChannelLimits("root.mail", True, 5), "root.mail:5"),
        (ChannelLimits("root.mail", True, 1, sequential=True), "root.mail:1:sequential"),
        (ChannelLimits("root.mail", True, 4, throttle=0.5), "root.mail:4:throttle=0.5"),
        (ChannelLimits("root.mail", paused=True), "root.mail:2:paused"),
        (ChannelLimits("root.erp", True, 3), "erp:3"),
        (ChannelLimits("root.slow", True, 3), "root.slow:3"),
        # what is set in the web client can also be resumed there
        (ChannelLimits("root.off", True, 1), "root.off:1"),
        (ChannelLimits("root.new.below", True, 4), "root.new.below:4"),
        (ChannelLimits("root.new", paused=True), "root.new:0:paused"),
    ],
)
def test_the_only_database_overrides(limits, config):
    assert texts([limits]) == [config]


@pytest.mark.parametrize(
    ("limits", "config"),
    [
        (ChannelLimits("root", True, 20), []),
        (ChannelLimits("root", True, 3), ["root:3"]),
        (ChannelLimits("root.mail", True, 0), []),
        (ChannelLimits("root.slow", True, 1, throttle=1), ["root.slow:1:throttle=5"]),
        (ChannelLimits("root.slow", True, 9, throttle=9), ["root.slow:3:throttle=9"]),
        (ChannelLimits("root.off", True, 1), []),
        (ChannelLimits("root.mail", paused=True), ["root.mail:2:paused"]),
        (ChannelLimits("root.new", True, 4), ["root.new:4"]),
    ],
)
def test_several_databases_only_narrow(limits, config):
    assert texts([limits], []) == texts([], [limits]) == config


def test_the_strictest_of_several_databases_holds():
    databases = [ChannelLimits("root.mail", True, 2)], [ChannelLimits("root.mail", True, 1)]
    assert texts(*databases) == ["root.mail:1"]


def test_root_without_configuration_runs_one_job():
    assert texts([ChannelLimits("root", paused=True)], text="") == ["root:1:paused"]


@pytest.mark.parametrize("text", TEXT.split(", "))
def test_a_config_reads_as_it_is_written(text):
    (config,) = parse_channels(text)
    assert str(config) == text
    assert str(ChannelConfig("a.b")) == "a.b:1"


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (ChannelLimits("a", True, -1), "capacity"),
        (ChannelLimits("root", True, 0), "root channel"),
        (ChannelLimits("a", True, 2, sequential=True), "sequential"),
        (ChannelLimits("a", True, 0, sequential=True), "sequential"),
        (ChannelLimits("a", True, throttle=-1), "rate"),
        (ChannelLimits("a", True, throttle=float("inf")), "rate"),
        (ChannelLimits("a", True, throttle=float("nan")), "rate"),
    ],
)
def test_mistakes(limits, problem):
    assert any(problem in text for text in limits.problems())


@pytest.mark.parametrize(
    "limits",
    [
        ChannelLimits("a", True, 0),
        ChannelLimits("a", True, 1, True, 2.5, True),
        ChannelLimits("root", True, 1),
        # what does not count is not looked at
        ChannelLimits("root", False, -1, True),
    ],
)
def test_no_mistakes(limits):
    assert limits.problems() == []
