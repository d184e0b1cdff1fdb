# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Rows that are inserted together, at the last moment at which nobody can have missed them.

``with_delay()`` in a loop would be as many statements as jobs. Their rows wait until the
transaction sends any other statement, whatever it is about, begins or ends a savepoint, or is
committed: so whoever looks for them finds them. See ``docs/decisions/0016-insert-buffer.rst``.
"""

from psycopg2.extensions import encodings

from odoo.tools import SQL

from .utils import in_test_mode

#: How many rows one statement inserts at most.
BATCH = 500

#: Where the buffer of a transaction is: Odoo drops what is there together with all that it has
#: not flushed itself, when the transaction or a savepoint is rolled back.
_KEY = "queue_job.insert_buffer"

#: The methods of a cursor that send statements.
_METHODS = ("execute", "executemany", "callproc", "copy_expert", "copy_from", "copy_to")


class _Buffer:
    """Rows of one transaction. While it is in ``precommit.data``, it is a callback of it, too."""

    def __init__(self, cr):
        self.head = None
        self.rows = []
        self._cr = cr
        self._watches = ()

    def add(self, head, row):
        if self.rows and (self.head != head or len(self.rows) == BATCH):
            self.write()
        if not self.rows:
            self.head = head
            self._watches = [_Watch(self._cr, name) for name in _METHODS]
        self.rows.append(row)

    def write(self):
        """Insert the rows."""
        rows = self.forget()
        if rows:
            self._cr.execute(f"{self.head}{joined(self._cr, rows)}")

    def forget(self):
        """:return: list of the rows, which are in the buffer no more"""
        for watch in self._watches:
            watch.end()
        rows, self.rows, self._watches = self.rows, [], ()
        return rows

    def before_commit(self):
        # Rows that a later callback adds need a callback behind that one.
        self._cr.precommit.data.pop(_KEY, None)
        self.write()


class _Watch:
    """Stands for a method of a cursor while rows wait."""

    def __init__(self, cr, name):
        self._cr = cr
        self._name = name
        # somebody may have put another one there; one of ours is left by a rollback
        if isinstance(vars(cr).get(name), _Watch):
            vars(cr)[name].end()
        self._outer = vars(cr).get(name)
        self._method = getattr(cr, name)
        setattr(cr, name, self)

    def __call__(self, *args, **kwargs):
        buffer = self._cr.precommit.data.get(_KEY)
        if buffer is None:
            # rolled back
            self.end()
        elif self._name == "execute" and _is_rollback(*args, **kwargs):
            # To a savepoint that is older than the rows: it was a statement itself.
            buffer.forget()
        else:
            buffer.write()
        return self._method(*args, **kwargs)

    def end(self):
        if vars(self._cr).get(self._name) is not self:
            return
        if self._outer is None:
            delattr(self._cr, self._name)
        else:
            setattr(self._cr, self._name, self._outer)


def joined(cr, rows):
    """:return: str, the rows as they stand behind ``VALUES``"""
    return b", ".join(rows).decode(encodings[cr.connection.encoding])


def can_wait(cr):
    """Whether rows may be inserted later: not in Odoo's tests, whose cursors share a
    transaction, and a transaction that must not write has to be told at once."""
    return not (in_test_mode() or cr.readonly)


def add(cr, head, row):
    """Insert a row some time before anybody looks.

    :param str head: the statement up to ``VALUES``
    :param bytes row: its values, as they are sent
    """
    buffer = cr.precommit.data.get(_KEY)
    if buffer is None:
        buffer = cr.precommit.data[_KEY] = _Buffer(cr)
        cr.precommit.add(buffer.before_commit)
    buffer.add(head, row)


def _is_rollback(query, *_args, **_kwargs):
    text = query.code if isinstance(query, SQL) else query
    return isinstance(text, str) and text[:50].lstrip()[:8].upper() == "ROLLBACK"
