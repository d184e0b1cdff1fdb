# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The runner and its databases: one that is sick, or comes and goes, disturbs no other."""

from stack.waiting import wait_until

LIMIT = 30  # seconds, against hanging


def test_the_same_uuid_in_two_databases(two, ready, serve_all, messages, insert_in):
    serve_all(two)
    requested = [insert_in(name) for name in two]
    for is_requested in requested:
        wait_until(is_requested, LIMIT, "a request")
    assert not [text for text in messages() if "error" in text]


def test_databases_come_and_go(two, ready, serve_all, messages, insert_in):
    names = two[:1]
    serve_all(names)
    ready(two[0])
    names.append(two[1])
    ready(two[1])
    wait_until(insert_in(two[1]), LIMIT, "a request")
    names.remove(two[0])
    wait_until(
        lambda: f"database {two[0]} is no longer served: it is not there any more" in messages(),
        LIMIT,
        "the end of serving it",
    )
    names.append(two[0])
    ready(two[0], times=2)


def test_one_that_does_not_let_in(two, ready, serve_all, messages, insert_in, proxy):
    sick, well = two
    proxy.swallowed.add(sick)
    serve_all(two)
    ready(well)
    wait_until(insert_in(well), LIMIT, "a request")
    wait_until(
        lambda: any(f"{sick} is not served: can't connect: no answer" in m for m in messages()),
        LIMIT,
        "the report",
    )
    proxy.swallowed.clear()
    ready(sick)


def test_one_whose_connection_is_swallowed(two, ready, serve_all, messages, insert_in, proxy):
    sick, well = two
    serve_all(two)
    for name in two:
        ready(name)
    proxy.swallowed.add(sick)
    is_requested = insert_in(sick)
    for number in range(3):
        wait_until(insert_in(well, str(number)), LIMIT, "a request")
    wait_until(
        lambda: any(f"{sick} is no longer served: no answer" in m for m in messages()),
        LIMIT,
        "the report",
    )
    proxy.swallowed.clear()
    ready(sick, times=2)
    wait_until(is_requested, LIMIT, "a request")


def test_poll_only(two, ready, serve_all, messages, insert_in):
    serve_all(two[:1], poll_only=True)
    ready(two[0])
    for number in range(3):
        wait_until(insert_in(two[0], str(number)), LIMIT, "a request")


def test_nothing_is_requested_while_modules_are_upgraded(
    two, ready, serve_all, messages, insert_in, connect
):
    cursor = connect(two[0], autocommit=True).cursor()
    cursor.execute("UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'web'")
    runner = serve_all(two)
    for name in two:
        ready(name)
    closed, is_open = insert_in(two[0]), insert_in(two[1])
    wait_until(is_open, LIMIT, "a request")
    assert not closed()
    cursor.execute("UPDATE ir_module_module SET state = 'installed' WHERE name = 'web'")
    wait_until(closed, LIMIT, "a request")
    assert not runner._stop
