"""Tasks that create jobs. Each returns the seconds it took, with the commit."""

import json
import time
import uuid

from psycopg2.extras import Json, execute_values

from odoo.addons.queue_job.delay import chain, group
from odoo.addons.queue_job.job import identity_exact


def targets(env, count):
    """Return a list of ``count`` records of one, made when they are not there."""
    model = env["queue.job.benchmark"]
    records = model.search([], order="id", limit=count)
    if len(records) < count:
        records += model.create([{} for _number in range(count - len(records))])
        env.cr.commit()
    return list(records)


def prepare(env, count):
    """Make the records of the jobs, and remove all jobs."""
    targets(env, count)
    env.cr.execute("TRUNCATE queue_job, queue_job_benchmark_start CASCADE")
    env.cr.commit()


def timed(env, create, commit=True):
    start = time.perf_counter()
    create()
    if commit:
        env.cr.commit()
    return time.perf_counter() - start


def single(env, count):
    """``with_delay()`` in a loop, one transaction."""
    records = targets(env, count)

    def create():
        for record in records:
            record.with_delay().do_nothing()

    return timed(env, create)


def identity(env, count):
    """The same, each job with an identity key."""
    records = targets(env, count)

    def create():
        for record in records:
            record.with_delay(identity_key=identity_exact).do_nothing()

    return timed(env, create)


def one_group(env, count):
    records = targets(env, count)
    return timed(env, lambda: group(*_delayables(records)).delay())


def one_chain(env, count, commit=True):
    records = targets(env, count)
    return timed(env, lambda: chain(*_delayables(records)).delay(), commit)


def two_groups(env, count, commit=True):
    """A group before a group: ``count`` jobs that each wait for ``count`` others."""
    records = targets(env, 2 * count)

    def create():
        first, second = group(*_delayables(records[:count])), group(*_delayables(records[count:]))
        first.on_done(second)
        first.delay()

    return timed(env, create, commit)


def _delayables(records):
    return [record.delayable().do_nothing() for record in records]


def insert(env, count):
    """One INSERT of as many rows as the jobs that are there, and like them."""
    env.cr.execute("SELECT * FROM queue_job ORDER BY id LIMIT %s", [count])
    columns = [column.name for column in env.cr.description]
    fields = [name for name in columns if name != "id"]
    rows = [
        [_value(name, value) for name, value in zip(columns, row, strict=True) if name != "id"]
        for row in env.cr.fetchall()
    ]
    query = f"INSERT INTO queue_job ({', '.join(fields)}) VALUES %s"
    cursor = env.cr._obj
    return timed(env, lambda: execute_values(cursor, query, rows, page_size=count))


def _value(name, value):
    if name == "uuid":
        return str(uuid.uuid4())
    return Json(value, dumps=json.dumps) if isinstance(value, (dict, list)) else value


def delay(env, method, count, arguments=(), commit=True, **options):
    """Delay a method of ``count`` records; ``"#"`` among its arguments is the record's number from 0 on."""
    records = targets(env, count)

    def create():
        for number, record in enumerate(records):
            values = [number if value == "#" else value for value in arguments]
            getattr(record.with_delay(**options), method)(*values)

    return timed(env, create, commit)


def commit(env):
    """Commit what was created with ``commit=False``."""
    env.cr.commit()


TASKS = {
    task.__name__: task
    for task in (
        prepare,
        single,
        identity,
        one_group,
        one_chain,
        two_groups,
        insert,
        delay,
        commit,
    )
}
