"""Whether a machine answered the call that we made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsflows.call.greeting import Answerer, Greeting
from fsflows.call.happenings import Heard, KeyPressed, SpeechLost

if TYPE_CHECKING:
    from fsflows.call.call import Call


def is_machine(call: Call) -> bool:
    """Listen to how the call is answered, a few seconds at the most.

    Raises:
        CallEnded: it was over before that was known.
    """
    greeting = Greeting(call.clock.now())
    call.listen()
    try:
        while (who := greeting.who(call.clock.now())) is None:
            match call.wait(greeting.next_at):
                case Heard() as heard:
                    greeting.heard(heard.text, heard.at, final=heard.final)
                case KeyPressed() | SpeechLost():
                    return False
                case _:
                    pass
    finally:
        call.stop_listening()
    return who is Answerer.MACHINE
