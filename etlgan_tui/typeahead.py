"""Keys that are typed faster than the screen answers: they go where the focus went, not where it was.

Textual hands a key to what has the focus when it comes, and looks for its binding when it has bubbled up from there. So
of `/q` typed at once the q reached the table, and ended the dashboard instead of standing in the filter.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from textual import events
from textual.app import App


class TypeAhead(App[None]):
    """An app in which a key that was overtaken by a change of focus, or of screen, is handed over to the new one."""

    def __init__(self) -> None:
        super().__init__()
        self._aims: WeakKeyDictionary[events.Key, Any] = WeakKeyDictionary()  # what had the focus when it was typed

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._aims[event] = self.focused or self.screen
        await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """It bubbled up: nothing took it yet."""
        aim = self._aims.pop(event, None)
        if aim is not None and aim is not (self.focused or self.screen):
            event.prevent_default()  # no binding: what it means is for the new focus to say
            self.screen.call_later(self._hand_over, event.key, event.character)  # once a new screen is composed

    def _hand_over(self, key: str, character: str | None) -> None:
        (self.focused or self.screen).post_message(events.Key(key, character))
