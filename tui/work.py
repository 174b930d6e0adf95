"""Work beside the screens, of which only the newest of its kind counts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.dom import DOMNode


def newest(node: DOMNode, group: str, work: Callable[..., Coroutine[Any, Any, None]], *arguments: Any) -> None:
    """Run `work` on the event loop and end what was begun for this group of this node before.

    It is called when it begins: a coroutine that is replaced before that would never be awaited.
    """
    node.run_worker(partial(work, *arguments), group=group, exclusive=True)  # type: ignore[arg-type]
