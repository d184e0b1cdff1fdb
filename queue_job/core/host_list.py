# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
"""Several hosts of PostgreSQL in one option, as libpq reads them."""


def each_host(hosts, ports):
    """
    :param hosts: text with commas between the hosts; None or empty: the default one
    :param ports: the same, one port for all hosts or one for each; what is empty is the default one
    :return: list of (host, port), both str, not empty
    :raise ValueError: another number of ports

    >>> each_host("a, b", 5432), each_host("a,b", "1,2"), each_host(None, None)
    ([('a', '5432'), ('b', '5432')], [('a', '1'), ('b', '2')], [('', '')])
    """
    host_list = [host.strip() for host in str(hosts or "").split(",")]
    port_list = [port.strip() for port in str(ports or "").split(",")]
    if len(port_list) == 1:
        port_list *= len(host_list)
    if len(port_list) != len(host_list):
        raise ValueError(
            f"host={hosts} and port={ports}: there are {len(host_list)} and {len(port_list)} of them,"
            " but it has to be one port for all hosts, or one for each"
            " (db_host and db_port, or jobrunner_db_host and jobrunner_db_port)"
        )
    return list(zip(host_list, port_list, strict=True))
