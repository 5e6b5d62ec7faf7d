"""Recovery: finishing what other processes, or this one, have left undone; calls that were handed on among it.

To be read in this order: `presence` (which processes live), `claims` (who takes over what), `orphans` (recordings
without a server), `tidying` (the staging directory), `sweep` (all of it, every few seconds), `watch` (at once).
"""
