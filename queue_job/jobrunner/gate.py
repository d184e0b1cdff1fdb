# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Nothing is dispatched to a database while its modules are installed, upgraded or removed."""

import logging

_logger = logging.getLogger(__name__)

#: Seconds after which modules that are to be installed, and of which none is meanwhile, no longer
#: stop the jobs: somebody has marked them and gone away.
STRAY_AFTER = 600


class Gate:
    """Judges whether jobs may be started, and says so in the log when that changes.

    :param str db_name: for the log
    """

    def __init__(self, db_name):
        self._name = db_name
        self._modules_to_do = 0
        self._changed_at = None
        self._was_closed = False

    def is_closed(self, standing, now):
        """:return: bool, whether no job may be started

        :param standing: :class:`.leadership.Standing`
        """
        if standing.modules_to_do != self._modules_to_do:
            self._modules_to_do, self._changed_at = standing.modules_to_do, now
        is_stray = self._modules_to_do > 0 and now - self._changed_at >= STRAY_AFTER
        is_closed = standing.is_closed or (self._modules_to_do > 0 and not is_stray)
        if is_closed != self._was_closed:
            self._was_closed = is_closed
            self._tell(is_closed, is_stray)
        return is_closed

    def _tell(self, is_closed, is_stray):
        if is_closed:
            _logger.info("database %s is being upgraded: its jobs wait", self._name)
        elif is_stray:
            _logger.warning(
                "database %s has had modules to install, upgrade or uninstall for %s s: its jobs go on"
                " all the same",
                self._name,
                STRAY_AFTER,
            )
        else:
            _logger.info("database %s is no longer being upgraded: its jobs go on", self._name)
