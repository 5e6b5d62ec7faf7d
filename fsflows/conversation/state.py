"""What a call remembers: `conv.state`."""

from __future__ import annotations

from typing import Any


class State(dict[str, Any]):
    """A dictionary that can be used with dots.

    A missing attribute is None (`conv.state.attempts`), a missing key is a KeyError (`conv.state["attempts"]`).
    It lives as long as the call, through all its flows.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # copy and pickle look for methods that aren't there
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        self.pop(name, None)

    def __repr__(self) -> str:
        # Flow authors put anything here, and a traceback or a log line would show it.
        return f"<State with {len(self)} values: {', '.join(sorted(map(str, self)))}>"
