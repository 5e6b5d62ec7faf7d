"""What can be asked of FreeSWITCH about one call's recordings, and doing it over any `api` connection."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from fsflows.esl.link import Reply
from fsflows.esl.quoting import file_of


class RecordingError(Exception):
    """FreeSWITCH would not do what was asked, or could not be asked."""


LIST = "uuid_buglist"
"""The command that says what is recorded."""

FORBIDDEN_SECONDS = 43200
"""A recording that begins in a discarded call and is shorter than this is deleted by FreeSWITCH itself: it reads
RECORD_MIN_SEC when a recording begins. Twelve hours; its samples must not overflow 32 bits at 96 kHz."""


class RecordingControl(Protocol):
    """One call's recordings, through a connection to the FreeSWITCH that has the call.

    Methods raise `RecordingError` when FreeSWITCH refuses or can't be reached (an implementation's own exceptions
    about a connection or a call that has ended are taken the same way).
    """

    call_uuid: str

    def start(self, path: str, *, stereo: bool = False) -> None: ...

    def stop(self, path: str) -> bool:
        """Stop one recording; its file is closed when this returns. False: FreeSWITCH isn't recording to it."""

    def stop_all(self) -> None: ...

    def mask(self, path: str) -> None: ...

    def unmask(self, path: str) -> None: ...

    def forbid(self) -> None:
        """Let FreeSWITCH delete by itself whatever is recorded in this call from now on, when it is stopped."""

    def active(self) -> list[str]:
        """The paths that FreeSWITCH records this call to at this moment, whoever started it (`uuid_buglist`)."""

    def has_file(self, path: str) -> bool:
        """Whether FreeSWITCH sees a file at a path, on its own disk (`file_exists`)."""

    def alive(self) -> bool:
        """Whether the channel is still there (`uuid_exists`). A channel that is gone records nothing."""


class Api(Protocol):
    """Runs an `api` command: `InboundConnection.api`, or a link's `request` of `commands.api(name, *arguments)`."""

    def __call__(self, name: str, *arguments: str) -> Reply: ...


class ApiControl:
    """Recording control over anything that runs an `api` command.

    Args:
        api: its exceptions become `RecordingError`; arguments that can't be put into a command are its to refuse.
        call_uuid: the channel.
    """

    def __init__(self, api: Api, call_uuid: str) -> None:
        self.call_uuid = call_uuid
        self._api = api

    def start(self, path: str, *, stereo: bool = False) -> None:
        if stereo:
            self._must("uuid_setvar", self.call_uuid, "RECORD_STEREO", "true")
        self._must("uuid_record", self.call_uuid, "start", path)

    def stop(self, path: str) -> bool:
        return self._stop(path)

    def stop_all(self) -> None:
        self._stop("all")

    def mask(self, path: str) -> None:
        self._must("uuid_record", self.call_uuid, "mask", path)

    def unmask(self, path: str) -> None:
        self._must("uuid_record", self.call_uuid, "unmask", path)

    def forbid(self) -> None:
        # A recording that is appended to is spared by RECORD_MIN_SEC.
        limits = f"RECORD_MIN_SEC={FORBIDDEN_SECONDS};RECORD_APPEND=false"
        self._must("uuid_setvar_multi", self.call_uuid, limits)

    def active(self) -> list[str]:
        return self.listed(lambda: self._api(LIST, self.call_uuid))

    def listed(self, answer: Callable[[], Reply]) -> list[str]:
        """The paths in FreeSWITCH's answer to `LIST`."""
        return parse_buglist(self._accept(LIST, self._text(LIST, answer)))

    def has_file(self, path: str) -> bool:
        path = file_of(path)
        if _QUOTED.search(path):
            # It takes quotes for a part of the name, and would say that there is no such file.
            raise RecordingError(f"file_exists can't be asked about {path!r}")
        if "." not in path:
            # FreeSWITCH writes two files, called after the path and the call's codec.
            raise RecordingError(f"what the files of {path!r} are called is not known")
        return self._truth("file_exists", path)

    def alive(self) -> bool:
        return self._truth("uuid_exists", self.call_uuid)

    def _truth(self, name: str, argument: str) -> bool:
        answer = self._must(name, argument)
        if answer not in ("true", "false"):
            raise RecordingError(f"{name} answered {answer[:80]!r}")
        return answer == "true"

    def _stop(self, what: str) -> bool:
        answer = self._ask("uuid_record", self.call_uuid, "stop", what)
        if answer.startswith("-ERR Cannot stop"):
            return False
        self._accept("uuid_record", answer)
        return True

    def _must(self, name: str, *arguments: str) -> str:
        return self._accept(name, self._ask(name, *arguments))

    def _ask(self, name: str, *arguments: str) -> str:
        return self._text(name, lambda: self._api(name, *arguments))

    @staticmethod
    def _text(name: str, answer: Callable[[], Reply]) -> str:
        try:
            return answer().text.strip()
        except Exception as error:
            raise RecordingError(f"{name} could not be asked: {error}") from error

    @staticmethod
    def _accept(name: str, answer: str) -> str:
        if answer.startswith("-"):
            raise RecordingError(f"{name}: {answer}")
        return answer


class EndedCall:
    """A call that is over: nothing is recorded in it."""

    def __init__(self, call_uuid: str) -> None:
        self.call_uuid = call_uuid

    def start(self, path: str, *, stereo: bool = False) -> None:
        raise RecordingError("the call is over")

    def stop(self, path: str) -> bool:
        return False

    def stop_all(self) -> None:
        return

    def mask(self, path: str) -> None:
        raise RecordingError("the call is over")

    def unmask(self, path: str) -> None:
        raise RecordingError("the call is over")

    def forbid(self) -> None:
        raise RecordingError("the call is over")

    def active(self) -> list[str]:
        return []

    def has_file(self, path: str) -> bool:
        raise RecordingError("the call is over, and its FreeSWITCH can't be asked")

    def alive(self) -> bool:
        return False


_QUOTED = re.compile(r"[\s'\"\\]")
_BUGS = re.compile(r"\s*<media-bugs>\s*(.*?)\s*</media-bugs>\s*", re.DOTALL)
_BUG = re.compile(
    r"<function>([^<]*)</function>\s*<target>(.*?)</target>\s*<thread-locked>", re.DOTALL
)


def parse_buglist(answer: str) -> list[str]:
    """The paths in the answer to `uuid_buglist`. It looks like XML, but FreeSWITCH escapes nothing in it.

    Raises:
        RecordingError: the answer is not what FreeSWITCH prints about a call that it has.
    """
    whole = _BUGS.fullmatch(answer)
    found = _BUG.findall(whole[1]) if whole else []
    # A count that differs would be a recording that we did not see.
    if whole is None or len(found) != whole[1].count("<media-bug>"):
        raise RecordingError(f"uuid_buglist can't be understood: {answer[:200]!r}")
    return [target for function, target in found if function == "session_record"]
