"""Discarding: everything of a call is stopped, deleted and receipted, by the process that has the call or by any other.

To be read in this order: `discard` (one, while it is worked on), `spool` (where it is written when the database can't
be), `lookout` (what is noticed meanwhile), `stopping`, `retracting` (out of the archive), `arrivals` (what is on
its way there), `discarder` (all of it).
"""
