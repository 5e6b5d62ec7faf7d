"""A server, from its settings to its end: the parent, and what it makes of each process that it forks."""

from __future__ import annotations

from collections.abc import Callable

from fsflows.server.node.post import Post
from fsflows.server.parent.parent import Parent
from fsflows.settings import Settings


def serve(settings: Settings, read_again: Callable[[], Settings] | None = None) -> int:
    """Serve until a signal says otherwise; returns the exit status.

    Args:
        settings: all of them.
        read_again: gives the settings as they are by now, or raises what is wrong with them; None: they stay.

    Exit status: 0 stopped as told; 1 the flows, a directory, the database or an address can't be used, or workers
    crash at every start; 2 the settings make no sense. Why is on standard error, everything at once.
    """
    return Parent(settings, _work, read_again).run()


def _work(settings: Settings, post: Post) -> int:
    # From here on everything waits through gevent; before anything else opens a socket or starts a thread.
    from gevent import monkey

    monkey.patch_all()
    from fsflows.server.worker.worker import work

    return work(settings, post)
