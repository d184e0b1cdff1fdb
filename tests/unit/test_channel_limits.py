# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import pytest

from odoo.addons.queue_job.core.channel_config import ChannelConfig, parse_channels
from odoo.addons.queue_job.core.channel_limits import ChannelLimits, in_effect
from odoo.addons.queue_job.core.channel_manager import ChannelManager

TEXT = "root:8, root.mail:2, erp:1:sequential, root.slow:3:throttle=5, root.off:1:paused"


def differences(limits, text=TEXT):
    """The channels as text that the limits of the only database make differ from the written ones."""
    configs, own = in_effect(parse_channels(text), {"db": limits})
    assert own == {"db": []}
    return sorted(set(map(str, configs)) - set(map(str, parse_channels(text))))


@pytest.mark.parametrize("databases", [{}, {"a": []}, {"a": [], "b": []}])
def test_without_limits_all_is_as_written(databases):
    assert in_effect(parse_channels(TEXT), databases) == (parse_channels(TEXT), databases)


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
    assert differences([limits]) == [config]


@pytest.mark.parametrize(
    ("limits", "config"),
    [
        (ChannelLimits("root", True, 20), "root:20"),
        (ChannelLimits("root.mail", True, 0), "root.mail:0"),
        (ChannelLimits("root.mail", True, 1, sequential=True), "root.mail:1:sequential"),
        (ChannelLimits("root.slow", True, 9, throttle=9), "root.slow:9:throttle=9"),
        (ChannelLimits("root.mail", True, 4, paused=True), "root.mail:4:paused"),
        # what it says of the capacity does not count
        (
            ChannelLimits("root.mail", capacity=4, sequential=True, paused=True),
            "root.mail:0:paused",
        ),
        (ChannelLimits("root", paused=True), "root:0:paused"),
    ],
)
def test_each_of_several_databases_has_its_own(limits, config):
    configs, own = in_effect(parse_channels(TEXT), {"a": [limits], "b": []})
    assert configs == parse_channels(TEXT)
    assert {name: list(map(str, limits)) for name, limits in own.items()} == {
        "a": [config],
        "b": [],
    }


def test_root_without_configuration_runs_one_job():
    assert differences([ChannelLimits("root", paused=True)], text="") == ["root:1:paused"]


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


def test_limits_go_with_their_database():
    manager, configs = ChannelManager(), [ChannelConfig("root", capacity=1)]
    assert manager.limit_database("db", configs)
    manager.remove_db("db")
    assert manager.limit_database("db", configs)
