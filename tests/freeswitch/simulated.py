"""Calls through fsflows' own switch: in virtual time inside this process, or over TCP to a real server."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import gevent

from fsflows import log
from fsflows.call.audio import Voice
from fsflows.call.subscription import subscribe
from fsflows.clock import Task, VirtualClock
from fsflows.conversation.run import Services
from fsflows.database import Database
from fsflows.flow.loader import load_flows
from fsflows.recordings.files.places import local_files
from fsflows.recordings.freeswitch.reach import OneReach
from fsflows.recordings.service import Recordings
from fsflows.server.worker.calls import CallRunner
from fsflows.switch import CallProfile, Setup
from fsflows.switch.caller import Caller, check_keys
from fsflows.switch.channel import Channel
from fsflows.switch.execute import Execute
from fsflows.switch.files import DiskFiles
from fsflows.switch.link import incoming_call
from fsflows.switch.setup import Recogniser
from fsflows.switch.steps import Utterance
from fsflows.switch.tcp import place_call
from fsflows.switch.transcript import Heard, Kind

from .rtp import TONES, Sound
from .serving import DIALPLAN_RECORDINGS, Serving
from .signalling import Ended
from .sip import Address
from .vosk import BLOCK_SECONDS
from .world import DESK, LOST, Phone

LOOK = 0.005
"""Seconds between two looks at whether something that is waited for has come."""
STATUS = {"recv_bye": ("caller", 200), "send_bye": ("switch", 200), "recv_cancel": ("refused", 487)}
DESKS = ("fsflows-desk", "5000", "5001")


@dataclass(slots=True)
class Vosk:
    """A recogniser that a test can take down; read by each call when it starts to listen."""

    up: bool = True
    hangs: float = 0.0
    json: bool = True


@dataclass(slots=True)
class Line:
    """A call of the simulated switch. `do` acts on its caller in whatever drives the channel."""

    channel: Channel
    do: Callable[[Callable[[Caller], object]], None]


class SimulatedPhone:
    """The caller of a simulated call."""

    def __init__(self, world: SimulatedWorld, line: Line) -> None:
        self._world = world
        self._line = line
        self._channel = line.channel

    @property
    def uuid(self) -> str:
        return self._channel.uuid

    @property
    def referred_to(self) -> str:
        return self._channel.referred_to

    def press(self, keys: str, *, hold: float = 0.08, gap: float = 0.08) -> Sequence[float]:
        check_keys(keys)
        first = self._world.now()

        def press(caller: Caller) -> None:
            for n, key in enumerate(keys):
                caller.channel.press(key, first + n * (hold + gap), hold)

        self._line.do(press)
        self._world.wait(len(keys) * (hold + gap) - gap)
        return [first + n * (hold + gap) + hold for n in range(len(keys))]

    def say(self, text: str, confidence: float = 1.0) -> float:
        self._wait_for(lambda: self._channel.detector.on, 5.0, "somebody who listens")
        words = Utterance(text=text, confidence=confidence)
        self._line.do(lambda caller: caller.say(words, word=BLOCK_SECONDS, endpoint=BLOCK_SECONDS))
        self._world.wait(BLOCK_SECONDS * (len(text.split()) + 1))
        return self._world.now()

    def talk(self, hertz: int | None) -> None:
        """Nothing: recordings of the simulated switch hold the same sound all along."""

    def cancel(self) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        self._line.do(lambda caller: caller.hang_up())

    def wait_answered(self, timeout: float = 5.0) -> float:
        self._wait_for(lambda: self._channel.answered, timeout, "answered")
        return next(s.at for s in self._channel.transcript.signals if s.what == "200")

    def wait_heard(
        self, what: int | None = None, *, since: float = 0.0, timeout: float = 5.0
    ) -> float:
        now = self._world.now

        def heard() -> float | None:
            for sound in self.sounds():
                begun = max(sound.start, since)
                if what in (None, sound.what) and sound.end >= begun and begun <= now():
                    return begun
            return None

        self._wait_for(lambda: heard() is not None, timeout, f"heard {what}")
        return cast(float, heard())

    def wait_said(self, text: str, *, since: float = 0.0, timeout: float = 10.0) -> float:
        def said() -> Heard | None:
            heard = self._channel.transcript.heard
            return next((h for h in heard if h.start >= since and text in h.what), None)

        self._wait_for(lambda: said() is not None, timeout, f"saying {text!r}")
        return cast(Heard, said()).start

    def wait_silence(self, seconds: float = 0.3, timeout: float = 10.0) -> float:
        started = self._world.now()

        def since() -> float:
            return max((sound.end for sound in self.sounds()), default=started)

        self._wait_for(
            lambda: self._world.now() - since() >= seconds, timeout, f"{seconds} s of silence"
        )
        return since()

    def keys_shown(self) -> str:
        return self._channel.digits_shown

    def wait_ended(self, timeout: float = 10.0) -> Ended:
        self._wait_for(lambda: self._channel.ended, timeout, "the call's end")
        channel = self._channel
        by, status = STATUS.get(channel.disposition, ("refused", 480))
        last = channel.transcript.signals[-1:]
        at = last[0].at if last else self._world.now()
        return Ended(by, status, "" if by == "caller" else channel.hangup_cause, at)

    def sounds(self, since: float = 0.0) -> Sequence[Sound]:
        now = self._world.now()
        heard = [
            Sound(_hertz(h), h.start, now if h.end is None else h.end)
            for h in self._channel.transcript.heard
            if h.kind is not Kind.SILENCE
        ]
        return [sound for sound in heard if sound.start >= since]

    def hangup_cause(self) -> str:
        self._wait_for(lambda: self._channel.ended, 5.0, "the hangup in the switch")
        return self._channel.hangup_cause

    def _wait_for(self, what: Callable[[], object], timeout: float, words: str) -> None:
        deadline = self._world.now() + timeout
        while not what():
            story = "\n".join(self._channel.transcript.lines())
            assert self._world.now() < deadline, f"not within {timeout} s: {words};\n{story}"
            self._world.wait(LOOK)


class SimulatedWorld(ABC):
    """What both simulated worlds have in common: who calls, the dialplan, the recogniser's moods."""

    name: str
    records_sound = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._dialplan_records = DIALPLAN_RECORDINGS
        self._vosk = Vosk()
        self._lines: list[Line] = []

    @abstractmethod
    def now(self) -> float: ...

    @abstractmethod
    def wait(self, seconds: float) -> None: ...

    @abstractmethod
    def _place(self, flow: str, profile: CallProfile, setup: Setup) -> Line: ...

    @contextmanager
    def call(
        self,
        flow: str,
        *,
        user: str = "1000",
        name: str = "",
        headers: Iterable[tuple[str, str]] = (),
        recorded: bool = False,
        ending: str = ".wav",
    ) -> Iterator[Phone]:
        profile = CallProfile(
            caller_name=name.replace("${", "%{"),
            caller_number=user.replace("${", "%{"),
            destination=f"fsflows-{flow}",
            sip_headers=dict(headers),
            variables={"socket_resume": "true"},
        )
        setup = Setup(
            then=(
                ("answer", ""),
                ("playback", f"tone_stream://%(3000,0,{LOST})"),
                ("hangup", "NORMAL_TEMPORARY_FAILURE"),
            ),
            extensions=dict.fromkeys(
                DESKS, (("answer", ""), ("playback", f"tone_stream://%(60000,0,{DESK})"))
            ),
            recogniser=cast(Recogniser, self._vosk),
            files=DiskFiles(),
        )
        line = self._place(flow, profile, setup)
        self._lines.append(line)
        phone = SimulatedPhone(self, line)
        if recorded:
            path = str(self._dialplan_records / f"{phone.uuid}-dialplan{ending}")
            line.do(lambda caller: caller.channel.recorder.open(path))
        try:
            yield phone
        finally:
            if not line.channel.ended:
                phone.hang_up()
                phone.wait_ended()
        self._check(line)

    @abstractmethod
    def _check(self, line: Line) -> None:
        """Look at a call that is over in the switch."""

    def take_away(self, uuid: str) -> None:
        self._line(uuid).do(lambda caller: caller.channel.transfer("fsflows-desk"))

    def announce(self, uuid: str, hertz: int) -> None:
        tone = Execute("playback", f"tone_stream://%(10000,0,{hertz})", "theirs", locked=True)
        self._line(uuid).do(lambda caller: caller.channel.enqueue(tone))

    def break_all(self, uuid: str) -> None:
        self._line(uuid).do(lambda caller: caller.channel.break_playing(everything=True))

    def _line(self, uuid: str) -> Line:
        return next(line for line in self._lines if line.channel.uuid == uuid)

    def recordings(self, uuid: str) -> Sequence[bytes]:
        return [path.read_bytes() for path in self._files(uuid)]

    def wait_recordings(self, uuid: str, count: int, timeout: float = 10.0) -> None:
        deadline = self.now() + timeout
        while len(files := self._files(uuid)) != count:
            assert self.now() < deadline, f"{count} recordings wanted, there are {files}"
            self.wait(0.05)

    def _files(self, uuid: str) -> list[Path]:
        found = {
            path
            for root in (self._directory, self._dialplan_records)
            for path in root.rglob(f"*{uuid}*")
            if path.is_file() and path.suffix in (".wav", ".PCMU")
        }
        return sorted(found)

    def speech(self, up: bool) -> None:
        self._vosk.up = up
        if not up:
            self.speech_dies()

    def speech_dies(self) -> None:
        for line in self._lines:
            line.do(lambda caller: caller.channel.detector.server_dies())

    def speech_garbles(self) -> None:
        for line in self._lines:
            line.do(lambda caller: caller.channel.detector.message('{"partial": "one'))

    def ran(self) -> Sequence[str]:
        return [api for line in self._lines for api in line.channel.apis_expanded]


class VirtualWorld(SimulatedWorld):
    """Virtual time; the conversation runs in this process, without sockets. One for each test.

    Args:
        flows: directories with flows.
        directory: for recordings.
    """

    name = "simulated"

    def __init__(self, flows: Sequence[Path], directory: Path) -> None:
        super().__init__(directory)
        # A directory that all share will not do: the calls of every such world have the same names.
        self._dialplan_records = directory / "dialplan"
        self._clock = VirtualClock()
        self._log: list[dict[str, Any]] = []
        self._flows = load_flows(flows)
        self._tasks: dict[str, Task] = {}
        self._runner: CallRunner | None = None

    def run(self, body: Callable[[], None]) -> None:
        staging, published = self._directory / "staging", self._directory / "published"
        others = self._dialplan_records
        for place in (staging, published, others):
            place.mkdir(exist_ok=True)
        with ExitStack() as stack:
            self._log = stack.enter_context(log.capture())
            database = Database.open("sqlite://")
            stack.callback(database.close)
            reach = OneReach(local_files(str(staging), str(published), [str(others)]))
            recordings = Recordings.make(database, self._clock, reach, staging=str(staging))
            stack.callback(recordings.close)
            services = Services(recorder=recordings)
            self._runner = CallRunner(self._clock, lambda: self._flows, services, Voice())
            self._clock.run(body)

    def now(self) -> float:
        return self._clock.now()

    def wait(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def _place(self, flow: str, profile: CallProfile, setup: Setup) -> Line:
        variables = {**profile.variables, "socket_path": flow}
        profile = CallProfile(
            caller_name=profile.caller_name,
            caller_number=profile.caller_number,
            destination=profile.destination,
            sip_headers=profile.sip_headers,
            variables=variables,
        )
        link = incoming_call(self._clock, profile, setup, opening=subscribe())
        assert self._runner is not None
        self._tasks[link.far_end.uuid] = self._clock.spawn(self._runner, link)

        def do(what: Callable[[Caller], object]) -> None:
            link.look()
            what(link.caller)
            link.look()

        return Line(link.far_end, do)

    def _check(self, line: Line) -> None:
        task = self._tasks[line.channel.uuid]
        assert task.join(self.now() + 30.0), "the call is over, its conversation goes on"
        if task.exception is not None:
            raise task.exception

    def server_log(self) -> str:
        return "\n".join(str(line) for line in self._log)


class TcpWorld(SimulatedWorld):
    """Real time and `fsflows serve` in a process of its own; the simulated switch connects to it as FreeSWITCH does.

    Args:
        app: where the server shall listen.
        flows: directories with flows.
        directory: for everything the server writes.
    """

    name = "simulated over TCP"

    def __init__(self, app: Address, flows: Sequence[Path], directory: Path) -> None:
        super().__init__(directory)
        self._app = f"{app[0]}:{app[1]}"
        self._logged = 0
        self._serving = Serving(app, flows, directory)

    def close(self) -> None:
        self._serving.stop()

    def run(self, body: Callable[[], None]) -> None:
        self._vosk.up = True
        self._lines.clear()
        self._logged = len(self._serving.text())
        body()
        assert self._serving.up, f"fsflows serve has ended:\n{self.server_log()[-3000:]}"

    def now(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        gevent.sleep(seconds)

    def _place(self, flow: str, profile: CallProfile, setup: Setup) -> Line:
        call = place_call(f"{self._app}/{flow}", profile, setup)
        assert call.started(10.0), "nobody was called"
        assert call.channel is not None
        return Line(call.channel, call._do)

    def _check(self, line: Line) -> None:
        assert self._serving.up

    def server_log(self) -> str:
        return self._serving.text()[self._logged :]


def _hertz(heard: Heard) -> int:
    """The pitch of a tone, as the ear of the SIP caller would tell it; 0 for a voice."""
    if heard.kind is not Kind.TONE:
        return 0
    hertz = int(heard.what.rstrip(")").rsplit(",", 1)[-1])
    return hertz if hertz in TONES else 0
