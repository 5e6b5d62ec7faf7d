"""What a function has left behind goes on when the call is over: `conv` says so, and does nothing else."""

import pytest

from fsflows import CallEnded

COMMANDS = {
    "say": lambda conv, flow: conv.say("Hello."),
    "collect": lambda conv, flow: conv.collect(num_digits=1, extra_instructions="Which?"),
    "goto_flow": lambda conv, flow: conv.goto_flow("flow"),
    "goto_step": lambda conv, flow: flow.goto_step("ask"),
    "exit_flow": lambda conv, flow: conv.exit_flow(),
    "call_handoff": lambda conv, flow: conv.call_handoff("desk"),
    "hang_up": lambda conv, flow: conv.hang_up(),
    "discard_recording": lambda conv, flow: conv.discard_recording(),
    "pause_recording": lambda conv, flow: conv.pause_recording(),
    "resume_recording": lambda conv, flow: conv.resume_recording(),
    "mask_recording": lambda conv, flow: conv.mask_recording(),
    "unmask_recording": lambda conv, flow: conv.mask_recording(False),
    "write_metric": lambda conv, flow: conv.write_metric("late"),
}
FLOW = """
    recording: true
    steps:
      ask: {prompt: One., dtmf: {num_digits: 1}, run: work}
      more: {prompt: More., dtmf: {num_digits: 1}, on: {1: {handoff: desk}}, next: {hangup: true}}
    handoffs: {desk: {transfer: 5000 XML default}}
"""
FUNCTIONS = """
    def work(conv, flow):
        conv.state.kept = (conv, flow)
        flow.goto_step("more")
"""
ENDINGS = {"hung up": "hangup", "handed on": "press 1", "by the flow": "press 2"}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("answer", ["press 7", "say seven"])
def test_every_command_says_that_the_call_is_over(play, answer, ending):
    played = play(FLOW, f"wait end\n{answer}\nhear more\nwait end\n{ending}\n", FUNCTIONS)
    conv, flow = played.engine.state.kept
    for command in COMMANDS.values():
        with pytest.raises(CallEnded):
            conv._engine.clock.run(command, conv, flow)


def test_what_is_known_of_it_is_still_there(play):
    played = play(FLOW, "wait end\npress 7\nhear more\nhangup\n", FUNCTIONS)
    conv, flow = played.engine.state.kept
    assert ("7", "flow", "more") == (conv.history[1].text, conv.current_flow, flow.current_step)
    assert ("en-US", {}) == (conv.language, conv.metrics)
    assert "[4 digits hidden]" == str(conv.pii("4071"))
    conv.log.info("late")


BACKGROUND = """
    from fsflows import CallEnded

    ended = []

    def work(conv, flow):
        def go_on():
            try:
                while True:
                    {command}
                    conv._engine.clock.sleep(0.2)
            except Exception as error:
                ended.append(type(error).__name__)

        conv._engine.clock.spawn(go_on)
        conv.state.ended = ended
        flow.goto_step("more")
"""


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize(
    "command",
    [
        "conv.mask_recording(); conv.mask_recording(False)",
        "conv.pause_recording(); conv.resume_recording()",
        "conv.hang_up()",
        "conv.write_metric('alive')",
        "conv._engine.call.attend(conv._engine.clock.now() + 1); conv.write_metric('alive')",
    ],
)
def test_a_task_that_goes_on_in_the_background_is_told(play, command, ending):
    functions = BACKGROUND.replace("{command}", command)
    played = play(
        FLOW, f"wait end\nsay seven\nhear more\nwait end\nwait 0.5\n{ending}\n", functions
    )
    clock = played.engine.clock
    clock.run(clock.sleep, 5.0)
    assert ["CallEnded"] == played.engine.state.ended
