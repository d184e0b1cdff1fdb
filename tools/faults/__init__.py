"""Breaking things for real: what the tests in ``tests/faults`` and ``bin/faults`` share."""
