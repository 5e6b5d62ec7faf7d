"""From a caller's leg to a finished record: what the server, the terminal phone and the scripted tests all do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fsflows.archive.endings import INBOUND, OUTBOUND, Reason, Result
from fsflows.archive.live import LiveCalls
from fsflows.archive.model import Record
from fsflows.archive.record import RecordBuilder
from fsflows.call.call import Call
from fsflows.conversation import metrics
from fsflows.conversation.engine import Engine
from fsflows.conversation.recording import CallRecorder, Recorder
from fsflows.flow.model import Flow, FlowSet
from fsflows.privacy import Redactor


@dataclass(frozen=True, slots=True)
class Services:
    """What calls share.

    Attributes:
        recorder: makes each call's recordings; None: nothing is recorded, and a discard fails loudly.
        live: the calls that are running.
        begin: told of each call as it begins; must not wait, nor raise.
        keep: given each finished record; must not wait.
        node: this server's name.
    """

    recorder: Recorder | None = None
    live: LiveCalls = field(default_factory=LiveCalls)
    begin: Callable[[RecordBuilder], None] = lambda builder: None
    keep: Callable[[Record], None] = lambda record: None
    node: str = ""


def run_call(
    call: Call,
    flow: Flow,
    flows: FlowSet,
    services: Services,
    state: Mapping[str, Any] | None = None,
    watch: Callable[[Engine], None] = lambda engine: None,
) -> Record:
    """Run a call through a flow to its end. What is raised all the same is a fault of ours, or an end by force.

    Args:
        call: the caller's leg, connected and subscribed.
        flow: where it starts.
        flows: all flows, for `goto_flow`.
        services: what calls share.
        state: first contents of `conv.state`, beside those of a call that we made.
        watch: given the engine before it runs; for tests.
    """
    redactor = Redactor()
    caller, callee = call.caller_number, call.callee_number
    record = RecordBuilder(
        call.uuid,
        call.clock,
        redactor,
        caller=caller,
        caller_name=call.caller_name,
        callee=callee,
        flow=flow.name,
        flow_version=flow.version,
        node=services.node,
        direction=OUTBOUND if call.dialled else INBOUND,
        record_id=call.dialled_record,
    )
    services.live.add(record)
    services.begin(record)
    active = metrics.active(flow.name)
    active.n += 1
    recordings = CallRecorder(call, flow, record, services.recorder)
    engine: Engine | None = None
    try:
        state = {**call.first_values, **state} if state else call.first_values
        engine = Engine(call, flow, flows, recordings, record, redactor, state)
        engine.log.info("call", flow=flow.name, caller=caller, callee=callee)
        watch(engine)
        result, reason = engine.run()
        cause = call.ended.cause if call.ended is not None else ""
        finished = _over(record, services, result, reason, cause)
        engine.log.info(
            "call over",
            flow=flow.name,
            result=str(result),
            reason=str(reason),
            cause=cause,
            seconds=round(finished.seconds, 1),
        )
        return finished
    except BaseException as error:
        # Cut off by a stop that waits no longer, or a fault of ours: the call has a record all the same.
        killed = not isinstance(error, Exception)
        reason = Reason.DRAINED if killed else Reason.INTERNAL_ERROR
        if not record.over:
            _over(record, services, Result.FAILED, reason)
        raise
    finally:
        active.n -= 1
        services.live.remove(record)
        call.close()
        recordings.let_go()
        if engine is not None:
            engine.close()


def _over(
    record: RecordBuilder, services: Services, result: Result, reason: Reason, cause: str = ""
) -> Record:
    """The call's record, counted and kept."""
    finished = record.finish(result, reason, cause)
    metrics.CALLS.labels(record.flow, str(result), str(reason)).inc()
    metrics.CALL_SECONDS.labels(record.flow).observe(finished.seconds)
    services.keep(finished)
    return finished
