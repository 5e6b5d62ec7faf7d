"""What the server does with a connection: which flow it is for, and the call's run."""

from __future__ import annotations

from collections.abc import Callable

from fsflows.archive.endings import Reason, Result
from fsflows.archive.record import RecordBuilder
from fsflows.call.audio import Voice
from fsflows.call.call import Call
from fsflows.clock import Clock
from fsflows.conversation import metrics
from fsflows.conversation.engine import Engine
from fsflows.conversation.run import Services, run_call
from fsflows.esl.event import Event
from fsflows.esl.link import Link
from fsflows.flow.model import Flow, FlowSet
from fsflows.log import call_logger
from fsflows.privacy import Redactor

FLOW_VARIABLES = ("fsflows_flow", "socket_path")
"""Channel variables that name a call's flow. FreeSWITCH itself sets `socket_path` from `host:port/path`."""


class UnknownFlow(LookupError):
    """The call is for a flow that isn't there; the text says which there are."""


def pick_flow(channel: Event, flows: FlowSet, default: str = "") -> Flow:
    """The flow that a call is for.

    Raises:
        UnknownFlow: it names one that doesn't exist, or none and there is no default.
    """
    for variable in FLOW_VARIABLES:
        name = (channel.variable(variable) or "").strip("/ ")
        if name:
            if name in flows:
                return flows[name]
            raise UnknownFlow(f"{variable} names {name!r}; there are: {', '.join(sorted(flows))}")
    if default:
        return flows[default]
    if len(flows) == 1:
        return next(iter(flows.values()))
    raise UnknownFlow(
        "the call names no flow: write it behind the port in the dialplan (host:port/flow), or set flows.default"
    )


class CallRunner:
    """Runs calls; shared by all of a process.

    Args:
        clock: real time.
        flows: gives the flows as they are now (a reload replaces them; running calls keep theirs).
        services: what calls share.
        voice: how text is spoken where a flow has no voice of its own.
        default: the flow of a call that names none.
    """

    def __init__(
        self,
        clock: Clock,
        flows: Callable[[], FlowSet],
        services: Services,
        voice: Voice,
        default: str = "",
    ) -> None:
        self.clock = clock
        self.flows = flows
        self.services = services
        self.voice = voice
        self.default = default
        self.watch: Callable[[Engine], None] = lambda engine: None
        """Given each call's engine before it runs; for a phone in the terminal."""
        self.calls: set[Call] = set()
        """Those that run now."""

    def interrupt(self) -> None:
        """Ask every running call to end, with an apology."""
        for call in tuple(self.calls):
            call.interrupt()

    def __call__(self, link: Link) -> None:
        """Run the call on a connection that is connected and subscribed."""
        flows = self.flows()
        try:
            flow = pick_flow(link.channel, flows, self.default)
        except UnknownFlow as unknown:
            channel = link.channel
            call_logger("server", channel.uuid, Redactor()).error("call refused", why=str(unknown))
            self._refuse(channel, Reason.UNKNOWN_FLOW)
            link.close()
            return
        call = Call(link, self.clock, self.voice)
        self.calls.add(call)
        try:
            run_call(call, flow, flows, self.services, watch=self.watch)
        finally:
            self.calls.discard(call)

    def let_go(self, link: Link, stopping: bool) -> None:
        """Note a call that there was no room for, or no time: the dialplan goes on with it."""
        self._refuse(link.channel, Reason.DRAINED if stopping else Reason.AT_CAPACITY)

    def _refuse(self, channel: Event, reason: Reason) -> None:
        """Keep a record of a call that is not run: its caller hears the dialplan's fall-back."""
        record = RecordBuilder(
            channel.uuid,
            self.clock,
            caller=channel.get("Caller-Caller-ID-Number") or "",
            caller_name=channel.get("Caller-Caller-ID-Name") or "",
            callee=channel.get("Caller-Destination-Number") or "",
            node=self.services.node,
        )
        metrics.CALLS.labels("", str(Result.REFUSED), str(reason)).inc()
        self.services.keep(record.finish(Result.REFUSED, reason))
