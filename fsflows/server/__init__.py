"""Accepting calls, and keeping the processes that do alive.

Its rooms, in the order of their imports, which is a good one to read them in:

1. `node`: what the processes of one server share, and how they speak to each other.
2. `fleet`: what the parent decides, without any I/O; `parent`: the process that does it, and answers no calls.
3. `door`: the listening socket of a process that takes calls, and who comes through it.
4. `office`: what is done once a server, beside the calls.
5. `worker`: a process that answers calls, or is the office, or both.

`serve` makes a parent and workers into a server; neither knows the other. `checks` says what is wrong with the settings
before it starts, `adjustable` which of them change while it runs; `metrics` is what is counted.
"""
