"""Clocks that jump or run fast, for processes started with them: Debian's libfaketime."""

from pathlib import Path

from stack.errors import StackError


class Clock:
    """It goes on as ours does, so many seconds before or behind it.

    :param directory: that whoever reads the clock may enter
    """

    def __init__(self, directory):
        self._file = Path(directory) / "clock"
        self.jump(0)

    @property
    def environ(self):
        """Variables of a process that has this clock, and a monotonic one that never jumps."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            # it would make the time of files jump, too
            "NO_FAKE_STAT": "1",
        }

    def jump(self, seconds):
        """From now on it differs from ours by so many seconds."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.chmod(0o644)
        # whoever reads it at this moment finds the one or the other
        new.replace(self._file)


def fast_clock(rate):
    """:return: dict, variables of a process whose clocks run so many times as fast, and whose waits are as short"""
    return {"LD_PRELOAD": str(_library()), "FAKETIME": f"+0 x{rate}", "NO_FAKE_STAT": "1"}


def _library():
    found = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        raise StackError(
            "libfaketime is missing",
            "install Debian's package libfaketime, or run tools/setup faketime as root",
        )
    return found
