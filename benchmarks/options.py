"""The command line of ``bin/bench``."""

import argparse
import dataclasses

from .sizes import FULL, QUICK

#: The parts in the order in which they run, with what each one measures.
PARTS = {
    "create": "delaying: one by one, with identity keys, group, chain, a group before a group, and a plain INSERT",
    "floor": "doing without a queue what the jobs do: method and commit in one process",
    "drain": "running jobs: rate, CPU, statements, transactions and notifications per job",
    "latency": "from commit to start on an idle system",
    "graphs": "creating and running a group before a group",
    "backlog": "a runner's start, memory and first thousand jobs with many more waiting",
    "killed": "kill -9 of a worker: until the job runs again",
    "growth": "how the cost of creating, starting and running grows with the size",
    "engine": "the scheduler alone, simulated with many jobs, slots and channels",
    "statements": "the statements of PostgreSQL that a job costs, the dearest first",
    "slot": "a worker's slot alone, in one process: CPU of a job, and the functions that take it",
}
#: Those that tell what to improve, not how good it is.
EXTRA_PARTS = ("statements", "slot")
QUICK_PARTS = ("create", "floor", "drain", "latency", "graphs", "engine")


def parse(arguments):
    """Return the options; ends the process where they are wrong, or were asked for help.

    They have ``parts``, ``sizes``, ``is_alone``, ``ours`` (path or None) and ``json`` (path or None).
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    sizes = QUICK if options.quick else FULL
    if options.repetitions is not None:
        options.size.insert(0, f"repetitions={options.repetitions}")
    try:
        options.sizes = sizes.updated(options.size)
    except ValueError as error:
        parser.error(str(error))
    usual = QUICK_PARTS if options.quick else PARTS.keys() - EXTRA_PARTS
    chosen = options.part or usual
    options.parts = [part for part in PARTS if part in chosen]
    return options


def _parser():
    parser = argparse.ArgumentParser(
        prog="bin/bench",
        description="Measures this queue_job and the published one in alternation, and prints a table.",
        epilog="\n".join([*_parts(), "", *_sizes()]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", metavar="PART", choices=[*PARTS, []], help="see below")
    parser.add_argument("--quick", action="store_true", help="small sizes, in a few minutes")
    parser.add_argument(
        "--repetitions", type=int, metavar="N", help="of each measurement; the table has medians"
    )
    parser.add_argument(
        "--size", action="append", default=[], metavar="NAME=N", help="see below; several times"
    )
    against = parser.add_mutually_exclusive_group()
    against.add_argument(
        "--ours", metavar="PATH", help="another checkout, in place of the published addon"
    )
    against.add_argument(
        "--alone", dest="is_alone", action="store_true", help="measure this checkout only"
    )
    parser.add_argument("--json", metavar="FILE", help="write every measured value to FILE, too")
    return parser


def _parts():
    yield "parts (all but those marked -; with --quick those marked *):"
    for name, text in PARTS.items():
        mark = "*" if name in QUICK_PARTS else "-" if name in EXTRA_PARTS else " "
        yield f"  {name:<10} {mark} {text}"


def _sizes():
    yield "sizes (with --quick):"
    for field in dataclasses.fields(FULL):
        name = field.name
        yield f"  {name:<17} {getattr(FULL, name):>6,} ({getattr(QUICK, name):,})"
