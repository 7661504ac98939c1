"""Calls a pass again and again, pausing as it asks for, until told to stop.

A step that raises is logged with its traceback and tried again after a pause that grows: a daemon
neither ends nor spins for what one database or one file does to it.
"""

from __future__ import annotations

from collections.abc import Callable

from swiftlite.service.passes import DaemonContext, Idle, Pass

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
ONCE_TRIES = 3
"""Failures in a row after which a daemon that runs once gives up."""


def run_pass(context: DaemonContext, work: Pass, tell: Callable[[str], None]) -> int:
    """Run until told to stop, or with `once` until the first Idle; the exit code.

    tell is given a word about what the daemon is doing, for the service manager.
    """
    failures = 0
    try:
        while not context.stopping():
            tell("working")
            try:
                with context.progress.step(context.host.clock):
                    outcome = work.step()
            except Exception:
                failures += 1
                pause = min(FIRST_PAUSE_S * 2 ** (failures - 1), LONGEST_PAUSE_S)
                context.log.exception(f"A step failed; going on in {pause:.0f} s")
                if context.once and failures >= ONCE_TRIES:
                    return 1
                tell("waiting after a failure")
                context.sleep(pause)
                continue
            failures = 0
            if not isinstance(outcome, Idle):
                context.host.tasks.sleep(0)  # whoever else is ready: the watchdog, other tasks
            elif context.once:
                return 0
            else:
                tell("waiting")
                context.sleep(outcome.seconds)
    finally:
        work.close()
    return 0
