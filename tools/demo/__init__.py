"""The demonstration: what is delayed, how each job is to end, and the table that shows it."""
