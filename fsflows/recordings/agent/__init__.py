"""The agent: `files.Files` on FreeSWITCH's host, for servers on another.

To be read in this order: `protocol` (what is said), `signing` and `link` (how it gets there), `app` and `server` (on
FreeSWITCH's host), `files` (on the other).
"""
