"""The node: what parent and workers of one server share. No gevent: the parent imports it, too.

To be read in this order: `roles` (which processes there are), `channel` (what they say to each other), `listening`
(the sockets that they share), `peers` (memory that they share), `editions` (the flow files), `post` (all that a worker
is given at its start).
"""
