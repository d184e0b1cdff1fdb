"""A PostgreSQL that is stopped without warning."""


def stop_at_once(cluster):
    """As when its machine fails: no session is ended in order.

    :param cluster: :class:`stack.postgres.Cluster` that nobody else uses
    """
    cluster._postgres_program("pg_ctl", "-D", cluster.data, "-m", "immediate", "-w", "stop")


def start_again(cluster):
    """Start it; it recovers from what it finds on disk."""
    cluster._start()
