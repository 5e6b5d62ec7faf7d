"""What is known about a simulated channel, and the events that tell it: variables, states, times."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fsflows.switch.clockwork import Agenda
from fsflows.switch.event import Frame, Output, SwitchEvent
from fsflows.switch.headers import (
    CALL_STATE_NUMBERS,
    STATE_NUMBERS,
    OtherLeg,
    Snapshot,
    caller_headers,
    core_headers,
)
from fsflows.switch.profile import CallProfile, initial_variables, media_variables
from fsflows.switch.setup import Setup
from fsflows.switch.sources import SOURCES
from fsflows.switch.transcript import Transcript

if TYPE_CHECKING:
    from fsflows.switch.eventsocket import EventSocket


class Model:
    """The data of one channel. `Channel` makes it move."""

    socket: EventSocket

    def __init__(self, profile: CallProfile, setup: Setup, now: float) -> None:
        self.profile = profile
        self.setup = setup
        self._agenda = Agenda(now)
        self._random = random.Random(f"{setup.seed}/{profile.uuid}/{now}")
        self._out: list[Output] = []
        self._sequence = 500
        self.uuid = profile.uuid or self.new_uuid()
        self.destination = profile.destination
        self.created = self._microseconds()
        self._variables = initial_variables(profile, self.uuid, self.created)
        self._shared = False
        self._snapshot: Snapshot | None = None
        self._state = "CS_EXECUTE"
        self._state_number = "4"
        self._call_state = "RINGING"
        self._answer_state = "ringing"
        self._times = {"answered": 0, "media": 0, "hungup": 0, "transferred": 0, "bridged": 0}
        self._other_leg: OtherLeg | None = None
        self._callee = ""
        self._rdnis = ""
        self._transfer_source = ""
        self.transcript = Transcript()
        self.hangup_cause = ""
        self.disposition = ""
        """How the SIP call ended: "send_bye", "recv_bye", "recv_cancel" or "send_refuse"."""
        self.apis_expanded: list[str] = []
        """What `${api(args)}` in an application's argument would have run: nothing of it is."""
        if profile.answered:
            self._times["answered"] = self.created
            self._answer_state, self._call_state = "answered", "ACTIVE"
            self._variables |= media_variables()
            self._variables["endpoint_disposition"] = "ANSWER"

    @property
    def now(self) -> float:
        """The time that the channel has got to."""
        return self._agenda.now

    def new_uuid(self) -> str:
        digits = f"{self._random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    def _microseconds(self) -> int:
        return round((self.setup.epoch + self.now) * 1_000_000)

    # --- variables --------------------------------------------------------------------------------------------

    @property
    def variables(self) -> Mapping[str, str]:
        """The channel's variables."""
        return self._variables

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable; an empty value unsets it."""
        if self._variables.get(name, "") == value:
            return
        if self._shared:
            self._variables = dict(self._variables)
            self._shared = False
        if value:
            self._variables[name] = value
        else:
            del self._variables[name]

    def expand(self, text: str, depth: int = 0) -> str:
        """Replace `${name}` by its value, again and again, as FreeSWITCH does with an application's argument."""
        if "${" not in text or depth > 20:
            return text

        def value(found: re.Match[str]) -> str:
            name = found.group(1)
            if "(" in name or " " in name:
                self.apis_expanded.append(name)
                return ""
            return self._variables.get(name, "")

        return self.expand(re.sub(r"\$\{([^{}]*)\}", value, text), depth + 1)

    # --- states -----------------------------------------------------------------------------------------------

    @property
    def answered(self) -> bool:
        return self._times["answered"] > 0

    def call_state(self, state: str) -> None:
        """Change the call state, and say so."""
        old, self._call_state = self._call_state, state
        self._snapshot = None
        extra = {
            "Original-Channel-Call-State": old,
            "Channel-Call-State-Number": CALL_STATE_NUMBERS[state],
        }
        self.fire("CHANNEL_CALLSTATE", full=False, extra=extra)

    def channel_state(self, state: str) -> None:
        """Change the channel's state, and say so."""
        self.enter_state(state)
        self.fire("CHANNEL_STATE", full=False)

    def other_leg(self, uuid: str, name: str, number: str, *, answered: bool) -> None:
        """The leg that the call is bridged to, which its events name from then on."""
        now = self._times["bridged"] = self._microseconds()
        self._other_leg = OtherLeg(uuid, name, number, now if answered else 0)
        self._callee = number
        self._snapshot = None

    def enter_state(self, state: str) -> None:
        """Change the channel's state; `channel_state` says so."""
        self._state, self._state_number = state, STATE_NUMBERS[state]
        self._snapshot = None

    def note_hangup(self) -> None:
        """The time of the hangup, which events carry from CS_HANGUP on."""
        self._times["hungup"] = self._microseconds()
        self._snapshot = None

    def note_transfer(self, extension: str) -> None:
        """The call gets a new caller profile, for another destination."""
        self._rdnis, self.destination = self.destination, extension
        stamp = int(self.setup.epoch + self.now)
        self._transfer_source = f"{stamp}:{self.new_uuid()}:bl_xfer:{extension}"
        self._other_leg = None
        self._times["transferred"] = self._microseconds()
        self._snapshot = None

    def answer(self) -> None:
        """Take the call."""
        self._times["answered"] = self._microseconds()
        self._answer_state = "answered"
        self._snapshot = None
        for name, value in media_variables().items():
            self.set_variable(name, value)
        self.transcript.signal(self.now, "200")
        self.fire("CHANNEL_ANSWER")
        self.call_state("ACTIVE")
        self.set_variable("endpoint_disposition", "ANSWER")

    def begin_early_media(self) -> None:
        """Let the caller hear something before the call is answered (SIP 183)."""
        self._times["media"] = self._microseconds()
        self._answer_state = "early"
        self._snapshot = None
        for name, value in media_variables().items():
            self.set_variable(name, value)
        self.set_variable("endpoint_disposition", "EARLY MEDIA")
        self.transcript.signal(self.now, "183")
        self.fire("CHANNEL_PROGRESS_MEDIA")
        self.call_state("EARLY")

    @property
    def has_media(self) -> bool:
        return self.answered or self._times["media"] > 0

    def hang_up(self, cause: str, disposition: str = "") -> None:
        """End the call. Does nothing when it has ended already."""
        if self.hangup_cause:
            return
        self.hangup_cause = cause
        self.disposition = disposition or ("send_bye" if self.answered else "send_refuse")
        self._state_number = STATE_NUMBERS["CS_HANGUP"]
        self._answer_state = "hangup"
        self._snapshot = None
        self.fire("CHANNEL_HANGUP")

    # --- events -----------------------------------------------------------------------------------------------

    def put_out(self, frame: Frame) -> None:
        """Send something to the application."""
        self._out.append(Output(self.now, frame))

    def fire(
        self,
        name: str,
        *,
        full: bool = True,
        extra: Mapping[str, str] | None = None,
        subclass: str = "",
    ) -> None:
        """Fire an event of this channel. It costs next to nothing when nobody asked for it."""
        if self.socket.wants(name):
            self.socket.offer(self.make_event(name, full=full, extra=extra, subclass=subclass))
        else:
            self._sequence += 1

    def make_event(
        self,
        name: str,
        *,
        full: bool,
        extra: Mapping[str, str] | None = None,
        body: str = "",
        subclass: str = "",
    ) -> SwitchEvent:
        """An event of this channel as it is now, for `emit`."""
        self._sequence += 1
        if full:
            self._shared = True
        return SwitchEvent(
            self.now,
            name,
            sequence=self._sequence,
            stamp=self.setup.epoch + self.now,
            snapshot=self.snapshot(),
            variables=self._variables if full else None,
            extra=extra,
            body=body,
            subclass=subclass,
            source=SOURCES.get(name, ("", "", "")),
        )

    def job_event(self, extra: Mapping[str, str], body: str) -> SwitchEvent:
        """A BACKGROUND_JOB: it belongs to no channel, and only its Job-Owner-UUID names ours."""
        self._sequence += 1
        return SwitchEvent(
            self.now,
            "BACKGROUND_JOB",
            sequence=self._sequence,
            stamp=self.setup.epoch + self.now,
            extra=extra,
            body=body,
            owner=self.uuid,
            source=SOURCES["BACKGROUND_JOB"],
        )

    def emit(self, event: SwitchEvent) -> None:
        """Fire an event that was made before."""
        if self.socket.wants(event.name) or event.raw:
            self.socket.offer(event)

    def inject(self, headers: Mapping[str, str], body: str = "") -> None:
        """Put an event of somebody else's making on the socket, as it is: any headers in any order, none required."""
        self._sequence += 1
        event = SwitchEvent(
            self.now,
            headers.get("Event-Name", ""),
            sequence=self._sequence,
            stamp=self.setup.epoch + self.now,
            body=body,
            subclass=headers.get("Event-Subclass", ""),
            owner=headers.get("Job-Owner-UUID", ""),
            raw=headers,
        )
        self.emit(event)

    def snapshot(self) -> Snapshot:
        """A picture of the channel as it is."""
        if self._snapshot is None:
            times = self._times
            self._snapshot = Snapshot(
                profile=self.profile,
                uuid=self.uuid,
                destination=self.destination,
                state=self._state,
                state_number=self._state_number,
                call_state=self._call_state,
                answer_state=self._answer_state,
                hangup_cause=self.hangup_cause,
                profile_index=2 if times["transferred"] else 1,
                profile_created=times["transferred"] or self.created,
                created=self.created,
                answered=times["answered"],
                progress_media=times["media"],
                hungup=times["hungup"],
                transferred=times["transferred"],
                bridged=times["bridged"],
                callee=self._callee,
                rdnis=self._rdnis,
                transfer_source=self._transfer_source,
                other_leg=self._other_leg,
            )
        return self._snapshot

    def data(self) -> dict[str, str]:
        """CHANNEL_DATA: the reply to `connect`."""
        self._sequence += 1
        shot = self.snapshot()
        stamp = self.setup.epoch + self.now
        made = core_headers("CHANNEL_DATA", stamp, SOURCES["CHANNEL_DATA"], self._sequence)
        made |= caller_headers(shot, "Channel-")
        made |= shot.headers()
        made |= {f"variable_{name}": value for name, value in self._variables.items()}
        made["Content-Type"] = "command/reply"
        made["Reply-Text"] = "+OK\n"
        made["Socket-Mode"] = "async" if self.setup.asynchronous else "static"
        made["Control"] = "full" if self.setup.full else "single-channel"
        return made
