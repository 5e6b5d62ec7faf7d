"""How long masks last: for what a caller keys on, what is said to him anew, after a hand-off, and when he comes back."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from recordings.fakes import SWITCH, UUID, World

from fsflows.call.ended import TRANSFERRED, CallEnded
from fsflows.clock import VirtualClock
from fsflows.conversation.recording import CallRecorder
from fsflows.esl.link import Reply
from fsflows.privacy import Redactor


def test_all_masks_are_taken_back_before_a_call_that_was_handed_on_is_left():
    clock = VirtualClock()
    masks = []
    made = SimpleNamespace(
        recording=True,
        on_change=None,
        mask=masks.append,
        unmask=masks.remove,
        finish=lambda **_: SimpleNamespace(receipt=None, state="none", left=list(masks)),
    )
    call = SimpleNamespace(
        clock=clock,
        uuid="call",
        ended=None,
        gone=False,
        passed_on=True,
        set_variable=lambda *_: None,
        api=lambda *_: Reply("true"),
        link=SimpleNamespace(channel={}),
    )
    record = SimpleNamespace(redactor=Redactor())
    recorder = CallRecorder(
        call, SimpleNamespace(name="flow"), record, SimpleNamespace(call=lambda *_, **__: made)
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


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


def test_a_call_that_has_come_back_stays_masked_though_its_first_visit_ends(world):
    """The first visit's flow has handed it to an extension with another flow, whose first step is private, too."""
    theirs = (UUID, f"{world.other}/theirs.wav")
    world.switch.begin(UUID)
    world.switch.uuid_record(UUID, "start", theirs[1])

    def visit():
        call = SimpleNamespace(
            clock=world.clock,
            uuid=UUID,
            ended=None,
            gone=False,
            passed_on=False,
            api=world.switch.api,
            set_variable=lambda *pair: world.switch.uuid_setvar(UUID, *pair),
            link=SimpleNamespace(channel={"FreeSWITCH-Switchname": SWITCH}),
        )
        return call, CallRecorder(call, SimpleNamespace(name="flow"), Mock(), world.service)

    def story():
        call, first = visit()
        first.mask("pii")
        first.unmask_later("pii")
        call.ended, call.passed_on = CallEnded(TRANSFERRED), True
        world.clock.spawn(first.finish)
        _, second = visit()
        second.mask("pii")
        world.clock.sleep(10)
        assert {theirs} == world.switch.masked
        second.unmask_later("pii")
        world.clock.sleep(2)
        assert set() == world.switch.masked

    world.clock.run(story)


THANKS = (
    "Thank you. We have noted all of it. Goodbye and good luck, and so on, and so on, and so on."
)


def taped(played):
    """What FreeSWITCH was told of recordings, with times; those of the file that began last."""
    taped = played.channel.transcript.taped
    return [(each.what, each.at) for each in taped if each.path == taped[-1].path]


def keyed(played):
    return [did.at for did in played.channel.transcript.did if did.what == "key"]


@pytest.mark.parametrize(
    ("recording", "code"),
    [
        ("{start: 'step:thanks'}", ""),
        ("true", "def start_function(conv):\n    conv.pause_recording()\n"),
    ],
)
def test_what_begins_to_record_after_a_private_step_is_masked_while_the_caller_keys_on(
    play, recording, code
):
    played = play(
        f"""
        recording: {recording}
        steps:
          pin:
            prompt: Your PIN.
            dtmf: {{num_digits: 4, is_pii: true}}
            next: {{run: go, goto: thanks}}
          thanks: {{prompt: "{THANKS}", next: {{hangup: true}}}}
        """,
        "wait end\nwait 1\npress 4071889 gap 0.3\nwait 5\n",
        code + "def go(conv, flow):\n    conv.resume_recording()\n",
    )
    (began, masked, unmasked, ended) = taped(played)
    assert ["start", "mask", "unmask", "stop"] == [began[0], masked[0], unmasked[0], ended[0]]
    assert masked[1] == pytest.approx(began[1], abs=0.02)
    assert keyed(played)[-1] + 1 < unmasked[1] < keyed(played)[-1] + 1.2


def test_something_private_that_is_said_anew_is_masked_anew(play):
    """The other report of a key has stopped it, which does not count."""
    played = play(
        """
        recording: true
        steps:
          account:
            prompt: Your account.
            dtmf: {num_digits: 2}
            asr: false
            next: code
          code:
            prompt: "The code of this account is {code}. Press one."
            dtmf: {num_digits: 1}
            asr: false
            next: {hangup: true}
        """,
        "wait end\npress 12 inband 0.05\nwait quiet 2\npress 1\n",
        "def start_function(conv):\n    conv.state.code = conv.pii('40718899')\n",
    )
    told = [sound for sound in played.channel.transcript.heard if "4071" in sound.what]
    assert 2 == len(told)
    _, masked, unmasked, *_ = taped(played)
    assert masked[1] < told[0].start
    assert told[1].end + 0.5 < unmasked[1]


def test_a_mask_of_a_function_outlasts_its_end_by_what_is_written_late_and_no_mask_is_lost_for_it(
    play,
):
    played = play(
        f"""
        recording: true
        steps:
          account:
            prompt: Your account.
            dtmf: {{num_digits: 2}}
            asr: false
            next: {{run: go, goto: more}}
          more:
            prompt: More of it.
            dtmf: {{num_digits: 2}}
            asr: false
            next: {{run: end, goto: thanks}}
          thanks: {{prompt: "{THANKS}", next: {{hangup: true}}}}
        """,
        "wait end\npress 12\nwait quiet 1\npress 34\nwait 9\n",
        """
        def start_function(conv):
            conv.mask_recording()

        def go(conv, flow):
            conv.mask_recording(False)
            conv.mask_recording(False)
            conv.mask_recording()

        def end(conv, flow):
            conv.mask_recording(False)
        """,
    )
    _, masked, unmasked, _ = taped(played)
    assert ["mask", "unmask"] == [masked[0], unmasked[0]]
    assert keyed(played)[-1] + 0.6 < unmasked[1]


def test_a_private_step_that_breaks_off_while_the_caller_speaks_is_masked_as_long_as_he_may(play):
    played = play(
        f"""
        recording: true
        fallback: {{say: "{THANKS}", hangup: true}}
        steps:
          pin:
            prompt: Your PIN.
            dtmf: {{num_digits: 4, is_pii: true}}
            asr: {{}}
            validate: {{function: broken}}
            next: {{hangup: true}}
        """,
        'wait end\nmeanwhile say "four zero seven one nine nine nine" word 0.6\nwait 1.2\npress 4071\nexpect failed broken\n',
        "def broken(conv, digits):\n    raise ValueError\n",
    )
    *_, unmasked, _ = taped(played)
    (said,) = (did.at for did in played.channel.transcript.did if did.what == "say")
    assert said + 7 * 0.6 < unmasked[1]
