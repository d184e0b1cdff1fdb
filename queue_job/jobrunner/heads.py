# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the engine is told of one database: the first waiting job of each channel, and what has failed."""

from ..core.states import FAILED, PENDING


class Heads:
    """Tells the engine of the heads of windows, and knows which it was told of.

    :param str db_name: name of the database
    :param manager: :class:`~..core.channel_manager.ChannelManager`
    """

    def __init__(self, db_name, manager):
        self._name = db_name
        self._manager = manager
        #: uuid of a job that the engine knows -> its window
        self._windows = {}
        #: name of the channel -> uuid of the failed job that the engine knows
        self._failed = {}

    # -- waiting jobs

    def tell(self, window):
        """A window has a head that the engine does not know yet.

        :return: str, the channel where it was known until now, since the job has moved; or None
        """
        uuid = window.head.uuid
        outdated = self._windows.get(uuid)
        if outdated is not None:
            outdated.head = None
        self._windows[uuid] = window
        self._notify(window)
        return outdated and outdated.channel

    def forget(self, window):
        """Have the engine forget the head of a window, which has none then."""
        if window.head is not None:
            del self._windows[window.head.uuid]
            self._manager.remove_job(window.head.uuid, db_name=self._name)
            window.head = None

    def start(self, uuid):
        """The engine has started a job. :return: its window"""
        return self._windows.pop(uuid)

    def window(self, uuid):
        """:return: the window whose head the job is; None: it is none"""
        return self._windows.get(uuid)

    def hide(self):
        """Let the engine know of none of them, until :meth:`show`."""
        for uuid in self._windows:
            self._manager.remove_job(uuid, db_name=self._name)

    def show(self):
        for window in self._windows.values():
            self._notify(window)

    def _notify(self, window):
        row = window.head
        self._manager.notify(
            self._name,
            window.channel,
            row.uuid,
            row.id,
            row.date_created,
            row.priority,
            row.eta,
            PENDING,
        )

    # -- failed jobs

    def tell_failed(self, channel, uuid):
        """A job that has failed holds up a channel whose order is strict."""
        self._failed[channel] = uuid
        self._manager.notify(self._name, channel, uuid, 0, None, None, None, FAILED)

    def forget_failed(self, channel):
        """Have the engine forget the failed job of a channel, if there is one."""
        failed = self._failed.pop(channel, None)
        # else it was moved to a channel that has been read since
        if failed is not None and failed not in self._failed.values():
            self._manager.remove_job(failed, db_name=self._name)

    def channels_with_failed(self):
        """:return: set of the names of the channels in which one is known"""
        return set(self._failed)
