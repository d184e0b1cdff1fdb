"""The demonstration: a real Odoo with the job runner, and one job of each kind. Started by ``bin/demo``."""

import argparse
import contextlib
import shutil
import signal
import sys
import time

from counting import odoo_problems
from demo import scenario
from demo.board import Board
from demo.jobs import EFFECTS, JOBS, Job, are_final, find_problems
from stack import Cluster, OdooConfig, OdooServer, Places, StackError, report_errors, run_script
from stack.database import Databases
from stack.nginx import Nginx
from stack.places import REPOSITORY
from stack.ports import check_port

ADDONS = REPOSITORY / "demo"
MODULES = ("queue_job", "queue_job_demo")
LIMIT = 120  # seconds after which a demonstration that has not ended counts as failed
INTERVAL = 0.2


def say(text=""):
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(text, flush=True)


def main(port, is_check):
    check_port(port, "stop what listens there, or choose another one with --port")
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(Places.find()))
        databases = Databases(cluster)
        template = databases.addon_template(MODULES, (ADDONS,), "demo")
        # a demonstration on another port has another database and directory
        name = f"qj_demo_{port}"
        directory = cluster.places.cache / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        databases.create(name, template)
        server, url = start(stack, cluster.places, name, port, directory)
        jobs = watch(databases.cluster, name, server)
        problems = find_problems(jobs, read_effects(cluster, name), scenario.EXPECTED)
        if problems:
            say("\n".join(["\nOdoo's log says:", *odoo_problems(server.log_text(), 40)]))
        report(problems, url)
        if not is_check:
            say("Ctrl-C stops everything.")
            wait_for_end(server)
    return 1 if problems else 0


def start(stack, places, name, port, directory):
    """Start Odoo and nginx and delay the jobs; return the server and where the web client is."""
    say("starting Odoo")
    config = OdooConfig(
        places,
        name,
        workers=5,  # the channels have room for four, one answers people
        channels=scenario.CHANNELS,
        addons=(ADDONS,),
        options={"proxy_mode": True},
    )
    server = stack.enter_context(OdooServer(config, directory))
    url = stack.enter_context(Nginx(server, port, directory)).url
    say(f"Odoo is at {url}, its log is {server.log}")
    say("delaying jobs in another process (odoo shell)\n")
    run_script(OdooConfig(places, name, addons=(ADDONS,)), scenario.DELAY, directory)
    return server, url


def watch(cluster, name, server):
    """Show the jobs until all have ended, or the limit is reached; return them."""
    board, deadline = Board(), time.monotonic() + LIMIT
    while True:
        jobs = [Job(*row) for row in cluster.execute(JOBS, database=name)]
        board.show(jobs)
        if are_final(jobs, scenario.EXPECTED) or time.monotonic() > deadline:
            return jobs
        check_running(server)
        time.sleep(INTERVAL)


def read_effects(cluster, name):
    return dict(cluster.execute(EFFECTS, database=name))


def report(problems, url):
    say()
    for problem in problems:
        say(f"problem: {problem}")
    if not problems:
        say("Every job ended as it should (the failure is part of the demonstration).")
    say(f"\nWeb client: {url}/odoo   login: admin   password: admin   menu: Job Queue")
    say("(The list shows at first what has not ended well; remove its filter to see all jobs.)")
    say(f"To see some run, logged in: {url}/queue_job/create_test_job?size=20&job_duration=5")


def wait_for_end(server):
    while True:
        check_running(server)
        time.sleep(INTERVAL)


def check_running(server):
    if not server.is_running:
        raise StackError("Odoo ended by itself", "\n".join(server.log_text().splitlines()[-20:]))


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bin/demo", description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--port", type=int, required=True)
    return parser.parse_args(arguments)


def end(number, frame):
    """Leave by the way of every ``finally``, once; what comes later must not disturb that."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    options = parse(sys.argv[1:])
    with report_errors("bin/demo"):
        sys.exit(main(options.port, options.check))
