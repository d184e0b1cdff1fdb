"""What can be measured, a file each: ``run(bench)`` adds its figures to ``bench.results``."""
