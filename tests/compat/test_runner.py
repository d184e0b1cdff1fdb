# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What other addons' tests patch on the side of the runner, and what admins read in its log."""

import contextlib
import gc
import logging
import os
import threading
import time
from unittest import mock

import psycopg2
import pytest

from stack.waiting import wait_until

RUNNER = "odoo.addons.queue_job.jobrunner.runner"
#: Seconds: far more than anything here takes, far less than the delays that are cut short.
SOON = 5
LONG = 600


@pytest.fixture
def make(addon):
    """A function that returns a runner, which has no databases."""

    def make_runner():
        runner = addon("jobrunner.runner").QueueJobRunner()
        runner.get_db_names = list
        return runner

    return make_runner


@pytest.fixture
def messages(caplog):
    """A function that returns what the runner has logged at a level so far."""
    caplog.set_level(logging.INFO, RUNNER)

    def read(level="INFO"):
        return [r.getMessage() for r in caplog.records if r.name == RUNNER and r.levelname == level]

    return read


@contextlib.contextmanager
def running(function):
    """Run ``function`` in a thread, which has to end soon after the block has."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    yield thread
    thread.join(SOON)
    assert not thread.is_alive()


def patched(name, **kwargs):
    return mock.patch(f"{RUNNER}.{name}", **kwargs)


# -- the steps of the loop


def test_the_steps_are_those_of_the_class(make):
    """Each of them is looked up at each turn, in this order."""
    runner = make()
    steps = mock.Mock()
    names = ["initialize_databases", "process_notifications", "run_jobs", "wait_notification"]
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(patched(f"QueueJobRunner.{name}", new=getattr(steps, name)))
        steps.wait_notification.side_effect = stop_at_second_call(runner)
        runner.run()
    called = [call[0] for call in steps.mock_calls]
    assert called == [names[0], *names[1:], *names[1:]]


def stop_at_second_call(runner):
    calls = []

    def step():
        calls.append(1)
        if len(calls) == 2:
            runner.stop()

    return step


def test_run_survives_a_lost_election(addon, make, messages):
    lost = addon("jobrunner.runner").MasterElectionLost("there is another one")
    runner = make()
    outcomes = iter([lost, lost, None])

    def initialize():
        outcome = next(outcomes)
        if outcome:
            raise outcome
        runner.stop()

    with (
        patched("ERROR_RECOVERY_DELAY", new=0),
        patched("QueueJobRunner.initialize_databases", side_effect=initialize) as initialized,
    ):
        runner.run()
    assert initialized.call_count == 3
    assert not messages("ERROR")


def test_the_patched_class_is_the_one_that_is_caught(make, messages):
    class Lost(Exception):
        pass

    runner = make()
    with (
        patched("MasterElectionLost", new=Lost),
        patched("ERROR_RECOVERY_DELAY", new=0),
        patched("QueueJobRunner.initialize_databases", side_effect=[Lost(), SystemExit()]) as step,
    ):
        runner.run()
    assert step.call_count == 2
    assert not messages("ERROR")


def test_run_survives_any_error(make, messages):
    runner = make()
    with (
        patched("ERROR_RECOVERY_DELAY", new=0),
        patched("QueueJobRunner.run_jobs", side_effect=[ValueError("oops"), SystemExit()]) as step,
    ):
        runner.run()
    assert step.call_count == 2
    assert len(messages("ERROR")) == 1


def test_databases_are_opened_with_the_patched_class(make, messages):
    runner = make()
    runner.get_db_names = lambda: ["one", "two"]
    with patched("Database") as database_class:
        database_class.return_value.missing_addon.return_value = "it is a mock"
        runner.initialize_databases()
    assert [call.args[0] for call in database_class.call_args_list] == ["one", "two"]


def test_a_thread_runs_the_patched_class(addon):
    with (
        mock.patch("odoo.addons.queue_job.jobrunner.START_DELAY", new=0),
        patched("QueueJobRunner") as runner_class,
    ):
        runner = runner_class.from_environ_or_config.return_value
        read_end, write_end = os.pipe()
        runner._stop_pipe = (read_end, write_end)
        thread = addon("jobrunner").QueueJobRunnerThread()
        assert thread.runner is runner
        thread.start()
        thread.join(SOON)
        thread.stop()
    os.close(read_end)
    os.close(write_end)
    runner.run.assert_called_once_with()
    runner.stop.assert_called_once_with()


def test_the_thread_of_the_server_is_the_patched_class(addon):
    with mock.patch("odoo.addons.queue_job.jobrunner.QueueJobRunnerThread") as thread_class:
        thread = addon("jobrunner")._start_runner_thread("threaded server")
    assert thread is thread_class.return_value
    thread.start.assert_called_once_with()


def test_the_threaded_server_starts_the_patched_function(addon):
    from odoo.service import server

    with (
        mock.patch("odoo.addons.queue_job.jobrunner._start_runner_thread") as start,
        mock.patch("odoo.addons.queue_job.jobrunner.server.is_enabled", return_value=True),
        quiet_server(server) as threaded,
    ):
        threaded.start()
    start.assert_called_once_with("threaded")


@contextlib.contextmanager
def quiet_server(server):
    """A threaded server that starts no thread and takes no signal."""
    with (
        mock.patch("signal.signal"),
        mock.patch.object(server.ThreadedServer, "http_spawn"),
        mock.patch.object(server.ThreadedServer, "cron_spawn"),
    ):
        yield server.ThreadedServer(app=None)


def test_the_prefork_server_spawns_the_patched_worker(addon):
    from odoo.service import server

    prefork = mock.Mock(spec=server.PreforkServer, workers_http={}, workers_cron={})
    prefork.population = prefork.long_polling_pid = 0
    with (
        mock.patch("odoo.addons.queue_job.jobrunner.WorkerJobRunner") as worker_class,
        mock.patch("odoo.addons.queue_job.jobrunner.server.is_enabled", return_value=True),
        mock.patch("odoo.service.server.config", {"http_enable": False, "max_cron_threads": 0}),
    ):
        server.PreforkServer.process_spawn(prefork)
    assert mock.call(worker_class, prefork.queue_job_workers) in prefork.worker_spawn.mock_calls


# -- waiting and stopping


def test_stop_ends_the_wait_of_the_loop(make, messages):
    runner = make()
    with (
        patched("LONGEST_WAIT", new=LONG),
        mock.patch("odoo.addons.queue_job.jobrunner.discovery.DISCOVERY_INTERVAL", new=LONG),
        running(runner.run),
    ):
        wait_until(lambda: "database connections ready" in messages(), SOON, "the loop")
        runner.stop()


def test_stop_ends_the_wait_after_an_error(addon, make, messages):
    runner = make()
    lost = addon("jobrunner.runner").MasterElectionLost("x")
    with (
        patched("ERROR_RECOVERY_DELAY", new=LONG),
        patched("QueueJobRunner.initialize_databases", side_effect=lost) as step,
        running(runner.run),
    ):
        wait_until(lambda: step.called, SOON, "the error")
        runner.stop()
    assert step.call_count == 1


def test_stop_before_run(make):
    runner = make()
    runner.stop()
    with patched("QueueJobRunner.initialize_databases") as step:
        runner.run()
    step.assert_not_called()


@pytest.mark.parametrize("before", [True, False])
def test_stop_ends_the_wait_for_the_server(addon, before):
    """The start delay, also when stop() came before it began."""
    with (
        mock.patch("odoo.addons.queue_job.jobrunner.START_DELAY", new=LONG),
        patched("QueueJobRunner.initialize_databases") as step,
    ):
        thread = addon("jobrunner").QueueJobRunnerThread()
        if before:
            thread.stop()
        thread.start()
        thread.stop()
        thread.join(SOON)
        assert not thread.is_alive()
    step.assert_not_called()


def test_the_start_delay_is_waited_for(addon):
    with (
        mock.patch("odoo.addons.queue_job.jobrunner.START_DELAY", new=0.2),
        patched("QueueJobRunner.run") as run,
    ):
        thread = addon("jobrunner").QueueJobRunnerThread()
        start = time.monotonic()
        thread.start()
        thread.join(SOON)
    assert 0.2 <= time.monotonic() - start < SOON
    run.assert_called_once_with()


# -- the pipe


@pytest.fixture
def without_collector():
    """Only the last reference frees what is freed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def assert_closed(is_open, without_collector):
    def check(pipe):
        assert [end for end in pipe if is_open(end)] == []

    return check


def test_the_pipe_is_one(make, is_open):
    read_end, write_end = make()._stop_pipe
    runner = make()
    assert all(map(is_open, runner._stop_pipe))
    os.write(runner._stop_pipe[1], b"x")
    assert os.read(runner._stop_pipe[0], 1) == b"x"


def test_it_is_closed_with_the_last_reference(make, assert_closed):
    runner = make()
    pipe = runner._stop_pipe
    del runner
    assert_closed(pipe)


@pytest.mark.parametrize("end", [0, 1])
def test_though_one_end_was_closed_already(make, assert_closed, end):
    runner = make()
    pipe = runner._stop_pipe
    os.close(pipe[end])
    del runner
    assert_closed(pipe)


def test_after_a_run(make, assert_closed):
    runner = make()
    pipe = runner._stop_pipe
    with patched("QueueJobRunner.run_jobs", new=lambda self: self.stop()):
        runner.run()
    del runner
    assert_closed(pipe)


def test_after_an_error(make, assert_closed):
    def fail(runner):
        runner.stop()
        raise ValueError("x")

    runner = make()
    pipe = runner._stop_pipe
    with (
        patched("ERROR_RECOVERY_DELAY", new=0),
        patched("QueueJobRunner.run_jobs", new=fail),
        # pytest keeps what is logged, and with the traceback all that its frames know
        patched("_logger"),
    ):
        runner.run()
    del runner
    assert_closed(pipe)


def test_of_a_thread_that_was_not_started(addon, assert_closed):
    thread = addon("jobrunner").QueueJobRunnerThread()
    pipe = thread.runner._stop_pipe
    del thread
    assert_closed(pipe)


def test_of_a_thread_that_has_ended(addon, assert_closed):
    thread = addon("jobrunner").QueueJobRunnerThread()
    pipe = thread.runner._stop_pipe
    thread.stop()
    thread.start()
    thread.join(SOON)
    del thread
    assert_closed(pipe)


def test_of_a_runner_that_was_not_made(addon, assert_closed):
    """A wrong configuration is an error before there is a pipe."""
    runner_class = addon("jobrunner.runner").QueueJobRunner
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(ValueError, match="root:x"):
        runner_class(mock.Mock(channels="root:x"))
    assert set(os.listdir("/proc/self/fd")) == before


# -- with a database


@pytest.fixture
def serving(make, database):
    """A function that starts a runner of the database, which stops after the test."""
    with contextlib.ExitStack() as stack:

        def serve():
            runner = make()
            runner.get_db_names = lambda: [database]
            stack.enter_context(running(runner.run))
            stack.callback(runner.stop)
            return runner

        yield serve


def test_what_admins_look_for_in_the_log(serving, database, messages):
    runner = serving()
    wait_until(lambda: "database connections ready" in messages(), SOON, "the runner")
    assert messages() == [
        "starting",
        f"queue job runner ready for db {database}",
        "database connections ready",
    ]
    runner.stop()


def test_the_published_runner_is_excluded(serving, database, connect, messages):
    other = connect(database, autocommit=True).cursor()
    serving()
    wait_until(lambda: "database connections ready" in messages(), SOON, "the runner")
    other.execute("SELECT pg_try_advisory_lock(2293787760715711918)")
    assert other.fetchone() == (False,)


def test_the_query_for_dead_jobs(addon, database, connect):
    cursor = connect(database, autocommit=True).cursor()
    cursor.execute(
        "INSERT INTO queue_job (uuid, state, channel, priority, retry, max_retries, date_created)"
        " SELECT state, state, 'root', 10, 0, 5, now() FROM unnest(%s) AS state",
        [["enqueued", "started", "pending", "done"]],
    )
    query = addon("jobrunner.runner").Database(database)._query_requeue_dead_jobs()
    cursor.execute(query)
    assert sorted(cursor.fetchall()) == [("enqueued",), ("started",)]
    cursor.execute("SELECT uuid FROM queue_job WHERE state = 'pending' ORDER BY 1")
    assert cursor.fetchall() == [("enqueued",), ("pending",), ("started",)]


def test_a_database_that_is_not_there(addon):
    database = addon("jobrunner.runner").Database("qj_nowhere")
    with pytest.raises(psycopg2.OperationalError):
        database.connection  # noqa: B018
