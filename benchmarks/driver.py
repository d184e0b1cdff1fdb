"""A process with Odoo that creates jobs for us."""

import json
import socket
from pathlib import Path

from stack import StackError
from stack.odoo import clean_environ
from stack.process import Child
from stack.waiting import wait_until

START_TIMEOUT = 60
SCRIPT = """
from odoo.addons.queue_job_benchmark.session import serve
serve(env, {path!r})
"""


class Driver:
    """``odoo shell`` doing the tasks of the measuring addon. Use it as a context manager.

    :param config: :class:`stack.OdooConfig` of its database
    :param directory: an existing directory for its files; not deep, it holds a socket
    :param environ: variables of its environment beside our own
    """

    def __init__(self, config, directory, environ=None):
        self._config = config
        self._directory = Path(directory)
        self._environ = environ
        self._log = self._directory / "driver.log"
        self._child = self._connection = self._stream = None

    def __enter__(self):
        path = str(self._directory / "driver.sock")
        conf = self._config.write(self._directory / "driver.conf")
        script = self._directory / "driver.py"
        script.write_text(SCRIPT.format(path=path))
        with socket.socket(socket.AF_UNIX) as listener, script.open() as stdin:
            listener.bind(path)
            listener.listen()
            listener.setblocking(False)
            argv = [self._config.places.odoo, "shell", "-c", conf, "--no-http"]
            env = clean_environ(self._environ)
            self._child = Child(argv, self._log, env=env, stdin=stdin)
            try:
                what = f"the start of odoo shell (see {self._log})"
                self._connection = wait_until(lambda: self._accept(listener), START_TIMEOUT, what)
            except BaseException:
                self.__exit__()
                raise
        self._stream = self._connection.makefile("rw")
        return self

    def __exit__(self, *exc_info):
        if self._connection:
            self._connection.close()
        self._child.kill()

    def do(self, task, timeout=120, **arguments):
        """Return the result of a task.

        :raise StackError: it failed, or did not end within ``timeout`` seconds
        """
        self._connection.settimeout(timeout)
        try:
            self._stream.write(json.dumps({"task": task, **arguments}) + "\n")
            self._stream.flush()
            line = self._stream.readline()
        except TimeoutError:
            # the answer may come later, and would be taken for that of the next task
            self._child.kill()
            line = ""
            raise StackError(
                f"{task} took more than {timeout} s", "choose a smaller size"
            ) from None
        except OSError as error:
            raise StackError(f"{task} was not done ({error})", f"see {self._log}") from None
        if not line:
            raise StackError(f"odoo shell ended in {task}", f"see {self._log}")
        answer = json.loads(line)
        if "error" in answer:
            raise StackError(f"{task} failed ({answer['error']})", answer["traceback"])
        return answer["result"]

    def _accept(self, listener):
        if not self._child.is_running:
            raise StackError("odoo shell ended while starting", f"see {self._log}")
        try:
            connection, _address = listener.accept()
        except BlockingIOError:
            return None
        connection.setblocking(True)
        return connection
