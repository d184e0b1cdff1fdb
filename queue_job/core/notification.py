# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""What the database tells the job runner."""

#: PostgreSQL channel of the notifications; a payload is the name of a job channel. It is
#: not the channel of the published addon, whose payloads are of another kind.
NOTIFY_CHANNEL = "queue_job_channel"

#: A payload that is no name of a channel: limits were changed in the web client.
LIMITS_CHANGED = ":limits"

#: Another one: modules are to be installed, upgraded or uninstalled, or are not any more.
MODULES_CHANGED = ":modules"

#: Another one: among the jobs that wait in some channel is one for later, or for a while ago.
ETA_CHANGED = ":eta"

#: Setting of a transaction: id of a waiting job whose release is nobody's business.
SILENT_RELEASE = "queue_job.silent_release"

#: On this one the runner tells itself something, to see whether notifications come through.
ECHO_CHANNEL = "queue_job_echo"
