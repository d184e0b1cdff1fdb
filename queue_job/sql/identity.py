# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""The guard of an identity: a job that waits with a key holds it, with a unique index.

A job gets it when it is delayed, and loses it when it does not wait any more, or, where that
is its scope, does not run any more, whoever moves it; the triggers see to that. A job that
waits again takes it back where it is free, and else waits without it: no move ever fails for
it.
"""

from ..core.identity import PATIENCE
from ..core.states import STARTED, WAITING_STATES
from .catalogue import drop_functions, drop_triggers, install_functions, install_triggers

_WAITING = ", ".join(f"'{state}'" for state in WAITING_STATES)

#: The newest one that waits with a key, by the index of keys in use.
_FIND = f"""
        SELECT id FROM queue_job
         WHERE identity_key = _key
           AND state IN ({_WAITING}, '{STARTED}')
           AND (state <> '{STARTED}' OR identity_scope = '{STARTED}' OR _is_wide)
      ORDER BY date_created DESC, date_done DESC, id DESC
         LIMIT 1"""

#: It is planned once for a connection, when the table may be empty.
_SETTINGS = "SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off"

#: name -> (parameters and what follows them, body)
FUNCTIONS = {
    "queue_job_find_waiting": (
        f"(_key varchar, _is_wide boolean) RETURNS integer {_SETTINGS}",
        f"""
BEGIN
    RETURN ({_FIND});
END""",
    ),
    # Search and insert in one turn to the database. What can't be seen yet, or is not committed
    # yet, undoes the INSERT only.
    "queue_job_insert_guarded": (
        "(_key varchar, _is_wide boolean, _insert text, OUT existing integer, OUT is_taken boolean)"
        f" SET lock_timeout = '{PATIENCE}' {_SETTINGS}",
        f"""
DECLARE
    _constraint text;
BEGIN
    existing := ({_FIND});
    IF existing IS NULL THEN
        BEGIN
            EXECUTE _insert;
            is_taken := false;
        EXCEPTION WHEN unique_violation THEN
            GET STACKED DIAGNOSTICS _constraint = CONSTRAINT_NAME;
            IF _constraint <> 'queue_job_identity_guard_idx' THEN
                RAISE;
            END IF;
            is_taken := true;
        WHEN lock_not_available THEN
            NULL;
        END;
    END IF;
END""",
    ),
    # Somebody who is taking the same key, and has not committed yet, is waited for briefly:
    # it holds the key unless it is rolled back.
    "queue_job_take_guard": (
        "(_id integer) RETURNS void SET lock_timeout = '100ms'",
        f"""
BEGIN
    UPDATE queue_job SET identity_guard = identity_key
     WHERE id = _id AND identity_guard IS NULL AND state IN ({_WAITING});
EXCEPTION WHEN unique_violation OR lock_not_available THEN
    NULL;
END""",
    ),
    "queue_job_drop_guard": (
        "() RETURNS trigger",
        f"""
BEGIN
    IF NEW.identity_key IS DISTINCT FROM OLD.identity_key
       OR NEW.state NOT IN ({_WAITING})
          AND (NEW.state <> '{STARTED}' OR NEW.identity_scope IS DISTINCT FROM '{STARTED}') THEN
        UPDATE queue_job SET identity_guard = NULL WHERE id = NEW.id;
    END IF;
    RETURN NULL;
END""",
    ),
    "queue_job_retake_guard": (
        "() RETURNS trigger",
        f"""
BEGIN
    IF OLD.state NOT IN ({_WAITING}) AND NEW.state IN ({_WAITING}) THEN
        PERFORM queue_job_take_guard(NEW.id);
    END IF;
    RETURN NULL;
END""",
    ),
}

#: SQL: the guard of a job that is started, for the claim: it needs no trigger then. That of one that is done is NULL.
GUARD_OF_STARTED = f"CASE WHEN identity_scope = '{STARTED}' THEN identity_guard END"

#: name -> definition. A job without a key costs a comparison; see triggers.py on conditions. Before an UPDATE,
#: each row would be locked for the trigger once more, whatever the condition says. After it, where one statement
#: lets a job lose a key and another one take it back, the second one may come too early: it waits without the guard.
TRIGGERS = {
    "queue_job_guard_drop": """
AFTER UPDATE OF state, identity_key ON queue_job
FOR EACH ROW
WHEN (NEW.identity_guard IS NOT NULL)
EXECUTE FUNCTION queue_job_drop_guard()""",
    "queue_job_guard_retake": """
AFTER UPDATE OF state ON queue_job
FOR EACH ROW
WHEN (NEW.identity_key IS NOT NULL AND NEW.identity_guard IS NULL)
EXECUTE FUNCTION queue_job_retake_guard()""",
}


def install(cr):
    install_functions(cr, FUNCTIONS)
    install_triggers(cr, TRIGGERS)


def uninstall(cr):
    drop_triggers(cr, TRIGGERS)
    drop_functions(cr, FUNCTIONS)
