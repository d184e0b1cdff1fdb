# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
import contextvars
import decimal
import threading

from odoo import models
from odoo.http import request

NOTE = contextvars.ContextVar("queue_job_testing_note", default="clean")

SETTINGS = ("lock_timeout", "statement_timeout", "search_path", "timezone", "work_mem")


class QueueJobLitter(models.AbstractModel):
    """Without hooks, with which a job would be committed once more before it runs."""

    _name = "queue.job.litter"
    _description = "What a job leaves behind"

    def litter(self, fail=False, hook=False):
        """Leave all that a method can leave behind, outside of the database.

        :param bool hook: also in a hook that runs when it is committed
        """
        self._litter_thread()
        self._litter_session()
        self._litter_transaction()
        if hook:
            # Odoo has cleared the cache of the cursor by then. With hooks the commit, and the claim
            # of the next job, go their own ways.
            self.env.cr.postcommit.add(lambda: self.env.cr.cache.update(note="hook"))
        if fail:
            raise ValueError("after it has left all that")

    def _litter_thread(self):
        thread = threading.current_thread()
        thread.uid = 4711
        thread.dbname = "another"
        thread.testing = True
        thread.note = "left"
        thread.query_hooks = (lambda *args: None,)
        NOTE.set("left")
        decimal.getcontext().prec = 2
        request.update_env(user=self.env.ref("base.user_admin"), context={"lang": "xx_XX"})
        request.session.update(uid=4711, note="left")

    def _litter_session(self):
        cr = self.env.cr
        cr.execute("SET lock_timeout = '3s'; SET statement_timeout = '50s'; SET work_mem = '1MB'")
        cr.execute("SET timezone = 'Asia/Tokyo'; SET search_path = pg_catalog, public")

    def _litter_transaction(self):
        cr = self.env.cr
        cr.precommit.data["note"] = cr.postcommit.data["note"] = "left"
        cr.postrollback.add(lambda: setattr(threading.current_thread(), "note", "hook"))
        cr.cache["note"] = "left"
        self.env.transaction.default_env = self.env(user=self.env.ref("base.user_admin"))
        self.env.registry.clear_cache()

    def look(self):
        """:return: dict of what there is around the method"""
        thread, cr = threading.current_thread(), self.env.cr
        attributes = ("uid", "dbname", "testing", "note", "query_hooks")
        return {
            "thread": {name: str(getattr(thread, name, None)) for name in attributes},
            "note": NOTE.get(),
            "precision": decimal.getcontext().prec,
            "request": [request.env.uid, request.env.su, dict(request.env.context)],
            "session": {
                name: str(value) for name, value in request.session.items() if name != "create_time"
            },
            "settings": {name: self._setting(name) for name in SETTINGS},
            "cursor": [dict(cr.precommit.data), dict(cr.postcommit.data), cr.cache.get("note")],
            "is_default": cr.transaction.default_env.uid,
            "environment": [
                *(self.env.uid, self.env.su, self.env.company.id, self.env.companies.ids),
                dict(self.env.context, job_uuid=None),
            ],
        }

    def _setting(self, name):
        self.env.cr.execute("SELECT current_setting(%s)", (name,))
        return self.env.cr.fetchone()[0]
