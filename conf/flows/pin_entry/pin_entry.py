from fsflows import Conversation

# Where a real flow asks its PIN service.
PINS = {"+12125550123": "2468"}


def check_pin(conv: Conversation, digits):
    # A private value compares in constant time, and never shows itself: print it, log it, and see.
    return digits == PINS.get(conv.caller_number, "2468")
