"""A directory of the spool that hangs, without a thread."""

from __future__ import annotations

from gevent.event import AsyncResult

from fsflows.lanes import Here


class Hanging(Here):
    """A lane that hangs, until it is `back`."""

    def __init__(self):
        self.posted = []

    def post(self, work):
        self.posted.append((work, AsyncResult()))
        return self.posted[-1][1]

    def wait(self, result, patience):
        if not result.ready():
            raise TimeoutError("it hangs")
        return result.get()

    def back(self):
        for work, result in self.posted:
            result.set(work())
        self.post = Here().post
