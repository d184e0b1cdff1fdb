# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The steps of the controller are called through its class, where tests replace them."""

from unittest import mock

import pytest

CONTROLLER = "odoo.addons.queue_job.controllers.main"


@pytest.fixture
def controller(addon):
    """A subclass whose steps can be replaced without a trace."""
    return type("Controller", (addon("controllers.main").RunJobController,), {})


@pytest.fixture
def step(controller):
    """A function that replaces a step of the controller by a mock, which it returns."""

    def replace(name, **kwargs):
        replacement = mock.Mock(name=name, **kwargs)
        setattr(controller, name, replacement)
        return replacement

    return replace


@pytest.fixture
def env():
    env = mock.MagicMock(name="env")
    env.cr.connection.closed = 0
    return env


@pytest.fixture
def job():
    """A job that nobody else can take, without a method to call on failure."""
    job = mock.MagicMock(name="job", lease=None)
    job.job_config.on_fail_method_name = None
    return job


def test_a_job_that_succeeds(controller, step, env, job):
    perform, wake = step("_try_perform_job"), step("_enqueue_dependent_jobs")
    controller._runjob(env, job)
    perform.assert_called_once_with(env, job)
    wake.assert_called_once_with(env, job)


def test_a_job_that_fails(controller, step, env, job, caplog):
    error = ValueError("no")
    values = {"exc_info": "why", "exc_name": "ValueError", "exc_message": "no"}
    step("_try_perform_job", side_effect=error)
    wake = step("_enqueue_dependent_jobs")
    get_values = step("_get_failure_values", return_value=values)
    with pytest.raises(ValueError) as raised:
        controller._runjob(env, job)
    assert raised.value is error
    assert get_values.call_args.args[0] is job
    assert get_values.call_args.args[2] is error
    assert "ValueError: no" in get_values.call_args.args[1]
    job.set_failed.assert_called_once_with(**values)
    job.store.assert_called_once_with()
    wake.assert_not_called()
    errors = [(r.name, "Traceback" in r.getMessage()) for r in caplog.records]
    assert errors == [(CONTROLLER, True)]


def test_a_failure_is_stored_in_the_temporary_environment(controller, step, env, job):
    step("_try_perform_job", side_effect=ValueError("no"))
    events = mock.Mock()
    job.in_temporary_env.return_value.__enter__ = lambda _self: events.enter()
    job.in_temporary_env.return_value.__exit__ = lambda *_args: events.leave()
    job.store = events.store
    with pytest.raises(ValueError):
        controller._runjob(env, job)
    assert [call[0] for call in events.mock_calls] == ["enter", "store", "leave"]


def test_a_job_that_is_tried_again(addon, controller, step, env, job):
    error = addon("exception").RetryableJobError("later", seconds=7)
    step("_try_perform_job", side_effect=error)
    wake, get_values = step("_enqueue_dependent_jobs"), step("_get_failure_values")
    controller._runjob(env, job)
    job.postpone.assert_called_once_with(result="later", seconds=7)
    job.set_pending.assert_called_once_with(reset_retry=False)
    env.cr.rollback.assert_called()
    wake.assert_not_called()
    get_values.assert_not_called()


def test_failure_values(addon, controller, job):
    values = controller._get_failure_values(job, "text", ValueError(5, "more"))
    assert values == {"exc_info": "text", "exc_name": "ValueError", "exc_message": 5}
    values = controller._get_failure_values(job, "text", addon("exception").JobError())
    assert values["exc_name"] == "odoo.addons.queue_job.exception.JobError"
    assert not values["exc_message"]


def test_the_route_acquires_and_runs_through_the_class(addon, controller, step, env, job):
    main = addon("controllers.main")
    acquire, run = step("_acquire_job", return_value=job), step("_runjob")
    with (
        mock.patch.object(main, "request", new=mock.Mock()) as request,
        mock.patch.object(main.acquisition, "grant_of_old_style_call", return_value=None),
        mock.patch.object(main.slot_cursor, "own_cursor"),
        mock.patch.object(main.slot_cursor, "fresh_environment", return_value=env),
    ):
        assert controller.runjob.original_endpoint(controller(), "the-uuid", db="x") == ""
    request.update_env.assert_called_once_with(user=main.SUPERUSER_ID)
    acquire.assert_called_once_with(env, "the-uuid")
    run.assert_called_once_with(env, job)
