"""A worker: one process of a server, from its settings to its end.

To be read in this order: `calls` (a connection finds its flow, and is run), `tuning` and `watchdog` (the interpreter,
and who holds it up), `service` (everything that a process needs), `worker` (the same, under a parent's orders).
"""
