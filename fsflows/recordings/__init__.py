"""A call's recordings: started, masked, discarded for good or published; and what a process left undone is finished.

Its rooms, in the order of their imports, which is a good one to read them in:

1. `files`: looking at files, deleting and publishing them, and nothing but; `agent`: the same on another host.
2. `freeswitch`: what FreeSWITCH is told and asked about the recordings of a call.
3. `journal`: what is known of every recording, in the database.
4. `discarding` and `publishing`: the two ends that a recording can come to, whoever brings it there.
5. `call`: the recordings of a call that this process has; `recovery`: of calls that no process has (any more);
   `oversight`: what those who answer for recordings ask for.

`service` makes all of it from the settings; `tools` is what its parts share, `locks` and `under_way` among it.
"""
