"""fsflows: call flows in YAML for FreeSWITCH's outbound Event Socket.

What flow authors' Python may use is here, imported when it is asked for:

    from fsflows import Conversation, Flow, GetDtmfTask, Pii
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fsflows.call.ended import CallEnded
    from fsflows.conversation.conversation import Conversation
    from fsflows.conversation.conversation import FlowHandle as Flow
    from fsflows.conversation.tasks import GetDtmfResult, GetDtmfTask
    from fsflows.privacy import Pii
    from fsflows.recordings.discarding.discard import DiscardFailed

__all__ = [
    "CallEnded",
    "Conversation",
    "DiscardFailed",
    "Flow",
    "GetDtmfResult",
    "GetDtmfTask",
    "Pii",
    "__version__",
]

_HOMES = {
    "CallEnded": ("fsflows.call.ended", "CallEnded"),
    "Conversation": ("fsflows.conversation.conversation", "Conversation"),
    "DiscardFailed": ("fsflows.recordings.discarding.discard", "DiscardFailed"),
    "Flow": ("fsflows.conversation.conversation", "FlowHandle"),
    "GetDtmfResult": ("fsflows.conversation.tasks", "GetDtmfResult"),
    "GetDtmfTask": ("fsflows.conversation.tasks", "GetDtmfTask"),
    "Pii": ("fsflows.privacy", "Pii"),
}


def __getattr__(name: str) -> Any:
    # Lazily: `import fsflows` alone must not start to load gevent and everything else.
    if name not in _HOMES:
        raise AttributeError(f"module 'fsflows' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
