"""Jobs that get in each other's way."""


def two_counters(stage):
    return [
        row[0]
        for row in stage.sql("INSERT INTO queue_job_effect (counter) VALUES (0), (0) RETURNING id")
    ]


def test_serialization_failures(calm, judge):
    """Each is tried again; nothing is added twice, and nothing is forgotten."""
    counter, _other = two_counters(calm)
    uuids = calm.delay("leave_and_count", 6, {"counter_id": counter, "seconds": 0.3}, max_retries=0)
    judge(calm, "serialization failures in jobs")
    assert calm.sql("SELECT counter FROM queue_job_effect WHERE id = %s", counter) == [(6,)]
    assert max(retry for (retry,) in calm.rows(uuids, "retry")) > 1


def test_deadlocks(calm, judge):
    first, second = two_counters(calm)
    for pair in ((first, second), (second, first)):
        kwargs = {"first_id": pair[0], "second_id": pair[1], "seconds": 0.3}
        calm.delay("leave_and_cross", 2, kwargs, max_retries=0)
    judge(calm, "deadlocks in jobs")
    assert any(retry > 1 for (retry,) in calm.rows(calm.expected, "retry"))
