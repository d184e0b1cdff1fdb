"""What ``bin/bench`` measures: see README.rst beside this file."""
