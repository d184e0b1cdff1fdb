# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import dataclasses

import pytest

from odoo.addons.queue_job.core.channel_config import (
    ChannelConfig,
    channel_path,
    complete_name,
    parse_channels,
    runner_enabled,
)


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        ("", []),
        (None, []),
        (" ,\n , ", []),
        ("root", [("root", 1)]),
        ("root:4", [("root", 4)]),
        ("root:0", [("root", 0)]),
        ("root:4,root.mail:2", [("root", 4), ("root.mail", 2)]),
        ("root:4\nmail:2,\n", [("root", 4), ("mail", 2)]),
        (" root : 4 , mail\r\n", [("root", 4), ("mail", 1)]),
        ("a:1,a:2", [("a", 1), ("a", 2)]),
    ],
)
def test_names_and_capacities(text, channels):
    assert parse_channels(text) == [ChannelConfig(*channel) for channel in channels]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("a:1", {}),
        ("a:1:sequential", {"sequential": True}),
        ("a:1: sequential ", {"sequential": True}),
        ("a:1:sequential=true", {"sequential": True}),
        ("a:1:sequential=0", {}),
        ("a:1:paused", {"paused": True}),
        ("a:1:throttle=2", {"throttle": 2}),
        ("a:1:throttle = 0.5", {"throttle": 0.5}),
        ("a:1:sequential:throttle=2:paused", {"sequential": True, "throttle": 2, "paused": True}),
    ],
)
def test_keys(text, keys):
    (config,) = parse_channels(text)
    assert config.as_dict() == {"name": "a", "capacity": 1, **keys}


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ChannelConfig("a").capacity = 2


@pytest.mark.parametrize(
    ("text", "wrong", "way_out"),
    [
        (":1", "':1'", "write name:capacity"),
        ("a..b:1", "'a..b'", "one dot"),
        ("root.:1", "'root.'", "one dot"),
        ("a:", "''", "how many jobs"),
        ("a:many", "'many'", "how many jobs"),
        ("a:-1", "'-1'", "how many jobs"),
        ("a:1.5", "'1.5'", "how many jobs"),
        ("a:2:sequential", "not 2", "the capacity 1"),
        ("a:0:sequential", "not 0", "the capacity 1"),
        ("a:1:sequential=2", "'2'", "write just sequential"),
        ("a:1:paused=maybe", "'maybe'", "write just paused"),
        ("a:1:sequental", "'sequental'", "sequential, throttle, paused"),
        ("a:1:", "''", "sequential, throttle, paused"),
        ("a:1:paused:paused", "'paused'", "leave out one"),
        ("a:1:throttle", "''", "throttle=2"),
        ("a:1:throttle=x", "'x'", "throttle=2"),
        ("a:1:throttle=0", "'0'", "throttle=2"),
        ("a:1:throttle=-1", "'-1'", "throttle=2"),
        ("a:1:throttle=nan", "'nan'", "throttle=2"),
        ("a:1:throttle=inf", "'inf'", "throttle=2"),
    ],
)
def test_error_names_the_entry_the_wrong_part_and_the_way_out(text, wrong, way_out):
    with pytest.raises(ValueError, match="Invalid channel configuration") as error:
        parse_channels(f"root:4,{text}")
    assert all(part in str(error.value) for part in (repr(text), wrong, way_out))


def test_all_errors_are_told_at_once():
    with pytest.raises(ValueError, match="Invalid channel configuration") as error:
        parse_channels("root:x, fine:1, b:1:sequental, c:2:sequential")
    assert [part for part in ("root:x", "fine", "b:1", "c:2") if part in str(error.value)] == [
        "root:x",
        "b:1",
        "c:2",
    ]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (None, ()),
        ("", ()),
        ("root", ()),
        ("a", ("a",)),
        ("root.a.b", ("a", "b")),
        ("a.b", ("a", "b")),
        ("a.root", ("a", "root")),
        ("root.root", ("root",)),
        (" root . a ", ("a",)),
        ("rootless", ("rootless",)),
    ],
)
def test_channel_path(name, path):
    assert channel_path(name) == path
    assert complete_name(name) == ".".join(("root", *path))


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        ("", True),
        ("root:1", True),
        ("root:0", False),
        (" root : 0 ", False),
        ("mail:2,root:0", False),
        ("root:0,mail:2", False),
        ("root:0:paused", False),
        ("root:01", True),
        ("root:0,root:4", True),
        ("root:4,root:0", False),
        ("root.mail:0", True),
        ("mail:0", True),
    ],
)
def test_runner_enabled(text, enabled):
    assert runner_enabled(text) is enabled


def test_runner_enabled_refuses_a_wrong_text():
    with pytest.raises(ValueError, match="root:zero"):
        runner_enabled("root:zero")
