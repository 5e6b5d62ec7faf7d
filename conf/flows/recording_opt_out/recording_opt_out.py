from _gen import *  # <AUTO GENERATED>


def start_function(conv: Conversation):
    # No greeting yet: the opt-out is the first thing that the caller hears.
    return {"utterance": ""}


def opt_out(conv: Conversation, flow: Flow):
    conv.exit_flow()
    last = conv.history[-1]
    if last.role == "user" and last.text == "1":
        conv.discard_recording()
        return {"utterance": "Thank you. This call is not recorded. Welcome to Harbour Books."}
    return {"utterance": "Welcome to Harbour Books."}
