"""Files: where they may lie, looking at them, deleting them for good, taking them into the archive. Knows of no call.

To be read in this order: `files` (what can be done, on whichever host), `failures`, `paths` (what may be touched),
`local` (doing it); `archive` (what an archive is), `marker` (which one it is), `directory_archive`, `object_store`;
`places` (all of it, from the settings), `place` and `offhub` (the same, beside gevent's hub).
"""
