from fsflows import Conversation


def start_function(conv: Conversation):
    account = conv.sip_headers.get("X-Account", "")
    return {"utterance": f"Hello {conv.caller_number} {account}"}
