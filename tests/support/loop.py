"""The event loop of the tests: uvloop's, which uvicorn picks for the server."""

from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any
from weakref import WeakSet, ref

import uvloop


class Timer:
    """What is to be called, and when: uvloop tells neither of its own timers."""

    def __init__(self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context) -> None:
        self.when, self.callback, self.args, self.context = when, callback, args, context
        self.handle: Callable[[], Any] = lambda: None

    def __call__(self) -> None:
        self.callback(*self.args)


class Loop(uvloop.Loop):
    """uvloop, for which a test can have time pass at once.

    What closed connections, full buffers and dropped clients do differs from loop to loop, and users run this one.
    """

    def __init__(self) -> None:
        super().__init__()
        # Only its handle holds a timer, which is gone once it was called or cancelled.
        self._timers = WeakSet[Timer]()
        self._passed = 0.0

    def time(self) -> float:
        return super().time() + self._passed

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        timer = Timer(self.time() + delay, callback, args, context or copy_context())
        handle = super().call_later(delay, timer, context=timer.context)
        timer.handle = ref(handle)
        self._timers.add(timer)
        return handle

    def pass_time(self, seconds: float) -> None:
        """Have so much time pass: what was to be called meanwhile is called now, in its order."""
        self._passed += seconds
        now = self.time()
        for timer in sorted((each for each in self._timers if each.when <= now), key=lambda each: each.when):
            if (handle := timer.handle()) is not None:
                handle.cancel()
                self.call_soon(timer.callback, *timer.args, context=timer.context)
