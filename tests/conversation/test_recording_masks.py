"""Masks that are taken back when the call has been handed on already: others still record it."""

from types import SimpleNamespace

from fsflows.clock import VirtualClock
from fsflows.conversation.recording import CallRecorder
from fsflows.esl.link import Reply


def test_all_masks_are_taken_back_before_a_call_that_was_handed_on_is_left():
    clock = VirtualClock()
    masks = []
    made = SimpleNamespace(
        recording=True,
        on_change=None,
        mask=masks.append,
        unmask=masks.remove,
        finish=lambda call_over: SimpleNamespace(receipt=None, state="none", left=list(masks)),
    )
    call = SimpleNamespace(
        clock=clock,
        uuid="call",
        ended=None,
        gone=False,
        passed_on=True,
        api=lambda *_: Reply("true"),
        link=SimpleNamespace(channel={}),
    )
    recorder = CallRecorder(
        call, SimpleNamespace(name="flow"), None, SimpleNamespace(call=lambda *_, **__: made)
    )

    def hand_on():
        recorder.mask("pii")
        recorder.unmask_later("pii", speaking=True)  # the longer one is not the last one
        recorder.mask("said")
        recorder.unmask_later("said")
        assert ["pii", "said"] == masks
        recorder.finish()
        assert [] == masks

    clock.run(hand_on)
