"""The fleet: what the parent decides about its workers. What happens goes in with its time, orders come out; no I/O.

To be read in this order: `members` (what is known of a worker), `orders` (what can be decided), `loading` (which flow
files a worker loads), `fleet` (all of it).
"""
