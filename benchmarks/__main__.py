"""Started by ``bin/bench`` as ``python benchmarks``."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(ROOT), str(ROOT / "tools")]

if __name__ == "__main__":
    from benchmarks.options import parse

    # for --help, nothing else has to be there
    options = parse(sys.argv[1:])

    from benchmarks.command import main
    from stack import report_errors

    with report_errors("bin/bench"):
        sys.exit(main(options))
