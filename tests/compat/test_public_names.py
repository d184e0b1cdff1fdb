# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The import paths, the names below them, and how they are called."""

import functools
import importlib
import inspect

import pytest

PUBLIC_NAMES = {
    "": "identity_exact",
    "job": (
        "Job identity_exact identity_exact_hasher WAIT_DEPENDENCIES PENDING ENQUEUED STARTED DONE"
        " CANCELLED FAILED STATES DEFAULT_PRIORITY DEFAULT_MAX_RETRIES RETRY_INTERVAL datetime"
    ),
    "delay": (
        "Delayable DelayableRecordset DelayableChain DelayableGroup DelayableGraph Graph chain"
        " group Job"
    ),
    "exception": (
        "BaseQueueJobError JobError NoSuchJobError FailedJobError RetryableJobError ChannelNotFound"
    ),
    "fields": "JobSerialized JobEncoder JobDecoder",
    "utils": "must_run_without_delay",
    "controllers.main": "PG_RETRY RunJobController",
    "jobrunner": "QueueJobRunnerThread WorkerJobRunner START_DELAY _start_runner_thread",
    "jobrunner.channels": ("ChannelManager Channel ChannelJob ChannelQueue PriorityQueue NOT_DONE"),
    "jobrunner.runner": "QueueJobRunner Database MasterElectionLost ERROR_RECOVERY_DELAY",
    "models.base": "Base DelayableRecordset",
    "models.queue_job": "QueueJob",
    "tests.common": (
        "trap_jobs JobsTrap JobCall JobMixin JobCounter mock_with_delay OdooDocTestCase"
        " load_doctests"
    ),
}

VALUES = {
    "job.WAIT_DEPENDENCIES": "wait_dependencies",
    "job.PENDING": "pending",
    "job.ENQUEUED": "enqueued",
    "job.STARTED": "started",
    "job.DONE": "done",
    "job.CANCELLED": "cancelled",
    "job.FAILED": "failed",
    "job.DEFAULT_PRIORITY": 10,
    "job.DEFAULT_MAX_RETRIES": 5,
    "job.RETRY_INTERVAL": 600,
    "jobrunner.START_DELAY": 5,
    "jobrunner.runner.ERROR_RECOVERY_DELAY": 5,
    "fields.JobSerialized.type": "job_serialized",
    "fields.JobSerialized._column_type": ("jsonb", "jsonb"),
    "models.queue_job.QueueJob._name": "queue.job",
    "models.queue_job.QueueJob._log_access": False,
    "models.base.Base._inherit": ["base"],
}

SUBCLASSES = {
    "exception.BaseQueueJobError": "builtins.Exception",
    "exception.JobError": "exception.BaseQueueJobError",
    "exception.NoSuchJobError": "exception.JobError",
    "exception.FailedJobError": "exception.JobError",
    "exception.RetryableJobError": "exception.JobError",
    "exception.ChannelNotFound": "exception.BaseQueueJobError",
    "delay.DelayableGraph": "delay.Graph",
    "jobrunner.QueueJobRunnerThread": "threading.Thread",
    "jobrunner.WorkerJobRunner": "odoo.service.server.Worker",
    "jobrunner.runner.MasterElectionLost": "builtins.Exception",
    "fields.JobSerialized": "odoo.fields.Field",
    "fields.JobEncoder": "json.JSONEncoder",
    "fields.JobDecoder": "json.JSONDecoder",
    "controllers.main.RunJobController": "odoo.http.Controller",
    "tests.common.JobCall": "builtins.tuple",
    "tests.common.OdooDocTestCase": "doctest.DocTestCase",
}

SIX = "priority=None, eta=None, max_retries=None, description=None, channel=None, identity_key=None"
# without ``self`` and ``cls``
SIGNATURES = {
    "job.Job": (
        "func, args=None, kwargs=None, priority=None, eta=None, job_uuid=None, max_retries=None,"
        " description=None, channel=None, identity_key=None"
    ),
    "job.Job.load": "env, job_uuid",
    "job.Job.load_many": "env, job_uuids",
    "job.Job.db_records_from_uuids": "env, job_uuids",
    "job.Job.db_record": "",
    "job.Job.store": "",
    "job.Job.perform": "",
    "job.Job.set_pending": "result=None, reset_retry=True",
    "job.Job.set_enqueued": "",
    "job.Job.set_started": "",
    "job.Job.set_done": "result=None",
    "job.Job.set_cancelled": "result=None",
    "job.Job.set_failed": "**values",
    "job.Job.postpone": "result=None, seconds=None",
    "job.Job.add_depends": "jobs",
    "job.Job.enqueue_waiting": "",
    "job.Job.cancel_dependent_jobs": "",
    "job.Job.related_action": "",
    "job.Job.job_record_with_same_identity_key": "",
    "job.Job.on_fail": "values",
    "job.Job.in_temporary_env": "",
    "job.Job.lock": "",
    "job.Job.add_lock_record": "",
    "job.Job.should_check_dependents": "",
    "job.Job._get_retry_seconds": "seconds=None",
    "job.identity_exact": "job",
    "job.identity_exact_hasher": "job",
    "delay.chain": "*delayables",
    "delay.group": "*delayables",
    "delay.DelayableChain": "*delayables",
    "delay.DelayableGroup": "*delayables",
    "delay.Delayable.split": "size, chain=False",
    "delay.Delayable.on_done": "*delayables",
    "delay.Delayable.delay": "",
    "delay.DelayableGroup.on_done": "*delayables",
    "delay.DelayableGroup.delay": "",
    "delay.DelayableGraph.delay": "",
    "delay.DelayableGraph._connect_graphs": "",
    "delay.DelayableGraph._ensure_same_graph_uuid": "jobs",
    "delay.Graph": "graph=None",
    "delay.Graph.add_vertex": "vertex",
    "delay.Graph.add_edge": "parent, child",
    "delay.Graph.vertices": "",
    "delay.Graph.edges": "",
    "delay.Graph.paths": "vertex",
    "delay.Graph.topological_sort": "",
    "delay.Graph.root_vertices": "",
    "exception.RetryableJobError": "msg, seconds=None, ignore_retry=False",
    "utils.must_run_without_delay": "env",
    "models.base.Base._patch_job_auto_delay": "method_name, context_key=None",
    "models.base.Base._job_store_values": "job",
    "models.base.Base._job_prepare_context_before_enqueue_keys": "",
    "models.base.Base._job_prepare_context_before_enqueue": "",
    "models.queue_job.QueueJob._test_job": (
        "failure_rate=0, job_duration=0, commit_within_job=False, failure_retry_seconds=0"
    ),
    "models.queue_job.QueueJob._test_on_fail": "**kw",
    "controllers.main.RunJobController._acquire_job": "env, job_uuid",
    "controllers.main.RunJobController._runjob": "env, job",
    "controllers.main.RunJobController._try_perform_job": "env, job",
    "controllers.main.RunJobController._enqueue_dependent_jobs": "env, job",
    "controllers.main.RunJobController._get_failure_values": "job, traceback_txt, exception",
    "controllers.main.RunJobController.runjob": "job_uuid=None, **kw",
    "jobrunner.QueueJobRunnerThread": "",
    "jobrunner.QueueJobRunnerThread.stop": "",
    "jobrunner._start_runner_thread": "server_type",
    "jobrunner.runner.QueueJobRunner.from_environ_or_config": "",
    "jobrunner.runner.QueueJobRunner.run": "",
    "jobrunner.runner.QueueJobRunner.stop": "",
    "jobrunner.runner.QueueJobRunner.run_jobs": "",
    "jobrunner.runner.QueueJobRunner.process_notifications": "",
    "jobrunner.runner.QueueJobRunner.wait_notification": "",
    "jobrunner.runner.QueueJobRunner.initialize_databases": "",
    "jobrunner.runner.Database._query_requeue_dead_jobs": "",
    "jobrunner.channels.ChannelJob": "db_name, channel, uuid, seq, date_created, priority, eta",
    "jobrunner.channels.ChannelQueue": "sequential=False",
    "jobrunner.channels.ChannelQueue.add": "job",
    "jobrunner.channels.ChannelQueue.remove": "job",
    "jobrunner.channels.ChannelQueue.pop": "now",
    "jobrunner.channels.ChannelQueue.get_wakeup_time": "",
    "jobrunner.channels.PriorityQueue": "",
    "jobrunner.channels.PriorityQueue.remove": "item",
    "jobrunner.channels.PriorityQueue.pop": "",
    "jobrunner.channels.ChannelManager": "",
    "jobrunner.channels.ChannelManager.simple_configure": "text",
    "jobrunner.channels.ChannelManager.parse_simple_config": "text",
    "jobrunner.channels.ChannelManager.get_channel_by_name": (
        "name, autocreate=False, parent_fallback=False"
    ),
    "jobrunner.channels.ChannelManager.notify": (
        "db_name, channel_name, uuid, seq, date_created, priority, eta, state"
    ),
    "jobrunner.channels.ChannelManager.remove_db": "db_name",
    "jobrunner.channels.ChannelManager.get_jobs_to_run": "now",
    "jobrunner.channels.ChannelManager.get_wakeup_time": "",
    "tests.common.trap_jobs": "",
    "tests.common.mock_with_delay": "",
    "tests.common.load_doctests": "module",
    "tests.common.JobCall": "method, args, kwargs, properties",
    "tests.common.JobCounter": "env",
    "tests.common.JobMixin.job_counter": "",
    "tests.common.JobMixin.perform_jobs": "jobs",
    "tests.common.JobMixin.trap_jobs": "",
    "tests.common.JobsTrap.jobs_count": "only=None",
    "tests.common.JobsTrap.assert_jobs_count": "expected, only=None",
    "tests.common.JobsTrap.assert_enqueued_job": "method, args=None, kwargs=None, properties=None",
    "tests.common.JobsTrap.perform_enqueued_jobs": "",
    **{
        f"tests.common.JobCounter.{kind}": ""
        for kind in (
            "count_all", "count_created", "count_existing", "search_all", "search_created"
        )
    },
}  # fmt: skip

# without ``self``; each in whichever class of the model
MODEL_METHODS = {
    "_change_job_state": "state, result=None",
    "_subscribe_users_domain": "",
    "_subscribe_job_creator": "",
    "_message_failed_job": "",
    "_message_post_on_failure": "",
    "_needaction_domain_get": "",
    "_gc_old_jobs": "",
    "requeue": "",
    "button_done": "",
    "button_cancelled": "",
    "open_related_action": "",
    "related_action_open_record": "",
    "open_graph_jobs": "",
}

#: Extra parameters at the end that have a default, so that callers of the public ones don't notice.
MORE = {
    "jobrunner.channels.PriorityQueue.add": "item",
    "jobrunner.channels.ChannelManager.remove_job": "uuid",
    "delay.Delayable": f"recordset, {SIX}",
    "delay.DelayableRecordset": f"recordset, {SIX}",
    "models.base.Base.with_delay": SIX,
    "models.base.Base.delayable": SIX,
}

OUTSIDE = {"builtins", "threading", "odoo", "json", "doctest"}

JOB_ATTRIBUTES = (
    "uuid func func_string channel job_config job_function_name eta exec_time description"
    " depends_on reverse_depends_on"
)


def find(addon, path):
    """Return the object at a dotted path below the addon, or below another package."""
    parts = path.split(".")
    start = importlib.import_module if parts[0] in OUTSIDE else addon
    for length in range(len(parts) - 1, -1, -1):
        try:
            found = start(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(getattr, parts[length:], found)
    raise ImportError(path)


def parameters(function):
    """Return the text of the parameters, those that Python fills in left out, without annotations."""
    signature = inspect.signature(function)
    found = [
        parameter.replace(annotation=parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name not in ("self", "cls", "_cls")
    ]
    text = str(inspect.Signature(found))[1:-1]
    return text.removesuffix(", /")


@pytest.mark.parametrize("module", PUBLIC_NAMES)
def test_names_can_be_imported(addon, module):
    missing = [name for name in PUBLIC_NAMES[module].split() if not hasattr(addon(module), name)]
    assert not missing


@pytest.mark.parametrize("path", VALUES)
def test_values(addon, path):
    value = find(addon, path)
    assert value == VALUES[path]
    assert type(value) is type(VALUES[path])


def test_states_are_those_of_the_field(addon):
    values = [value for value, _label in addon("job").STATES]
    assert values == [
        "wait_dependencies", "pending", "enqueued", "started", "done", "cancelled", "failed"
    ]  # fmt: skip
    assert all(isinstance(label, str) for _value, label in addon("job").STATES)


@pytest.mark.parametrize("path", SUBCLASSES)
def test_classes_derive_from(addon, path):
    assert issubclass(find(addon, path), find(addon, SUBCLASSES[path]))


@pytest.mark.parametrize("path", SIGNATURES)
def test_signature(addon, path):
    assert parameters(find(addon, path)) == SIGNATURES[path]


@pytest.fixture(scope="session")
def model_classes(addon):
    """The classes that together are the model ``queue.job``."""
    from odoo.models import Model

    classes = [
        value
        for module in vars(addon("models")).values()
        for value in getattr(module, "__dict__", {}).values()
        if isinstance(value, type) and issubclass(value, Model)
    ]
    return [
        c for c in classes if "queue.job" in (c.__dict__.get("_name"), c.__dict__.get("_inherit"))
    ]


@pytest.mark.parametrize("name", MODEL_METHODS)
def test_method_of_the_model(model_classes, name):
    found = [cls.__dict__[name] for cls in model_classes if name in cls.__dict__]
    assert [parameters(function) for function in found] == [MODEL_METHODS[name]]


def test_removal_interval(model_classes):
    found = [cls._removal_interval for cls in model_classes if hasattr(cls, "_removal_interval")]
    assert found == [30]


@pytest.mark.parametrize("path", MORE)
def test_more_parameters_have_defaults(addon, path):
    found = parameters(find(addon, path)).split(", ")
    public = MORE[path].split(", ")
    assert found[: len(public)] == public
    more = found[len(public) :]
    assert all("=" in parameter or parameter.startswith("*") for parameter in more)


def test_the_same_object_under_each_path(addon):
    assert addon("").identity_exact is addon("job").identity_exact
    assert addon("delay").Job is addon("job").Job
    assert addon("models.base").DelayableRecordset is addon("delay").DelayableRecordset


@pytest.mark.parametrize("name", JOB_ATTRIBUTES.split())
def test_computed_attributes_of_jobs(addon, name):
    assert isinstance(inspect.getattr_static(addon("job").Job, name), property)


@pytest.mark.parametrize(
    "name",
    [
        "_acquire_job",
        "_runjob",
        "_try_perform_job",
        "_enqueue_dependent_jobs",
        "_get_failure_values",
    ],
)
def test_steps_of_the_controller_are_class_methods(addon, name):
    controller = addon("controllers.main").RunJobController
    assert isinstance(inspect.getattr_static(controller, name), classmethod)


def test_the_mark_of_the_same_graph_is_static(addon):
    graph = addon("delay").DelayableGraph
    assert isinstance(inspect.getattr_static(graph, "_ensure_same_graph_uuid"), staticmethod)


def test_errors(addon):
    error = addon("exception").RetryableJobError("later", 5, True)
    assert (str(error), error.seconds, error.ignore_retry) == ("later", 5, True)
    error = addon("exception").RetryableJobError("later")
    assert (error.seconds, error.ignore_retry) == (None, False)


def test_jobs_in_these_states_are_not_done(addon):
    assert set(addon("jobrunner.channels").NOT_DONE) == {
        "wait_dependencies", "pending", "enqueued", "started", "failed"
    }  # fmt: skip


def set_up(field):
    from odoo import models

    class SomeModel(models.AbstractModel):
        _name = "some.model"
        _register = False
        _module = "queue_job"

    field._setup_attrs__(SomeModel, "some")


@pytest.mark.parametrize("base_type", [dict, list, tuple])
def test_base_types(addon, base_type):
    field = addon("fields").JobSerialized(base_type=base_type)
    set_up(field)
    assert field._base_type is base_type


@pytest.mark.parametrize("base_type", [int, str, None])
def test_another_base_type(addon, base_type):
    field = addon("fields").JobSerialized(base_type=base_type)
    with pytest.raises(ValueError, match="is not a supported base type"):
        set_up(field)
