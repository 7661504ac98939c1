"""A crew for test_crew.py, run as a process of its own: run_crew.py FOLDER POST...

A post is a name, with what it does wrong behind a colon, and a + before it if it comes afterwards.
Every child writes its pid to
FOLDER/<name> when it begins; FOLDER/ready appears when the crew says that all are ready.
FOLDER/posts, when it is there at a SIGUSR1, names the posts from then on. --lets-go, --beat: as the
crew's; with --elder a child from before a reload is there, which writes FOLDER/elder-left at the
end of its work. --patient: a long grace. --slow-fork: what is started once all are ready takes a
while to hear signals.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from swiftlite.service.crew import CannotStart, Crew, Post, Report


class Printed:
    def info(self, message: str, /) -> None:
        print(message, flush=True)

    warning = error = info


def make_post(folder: Path, word: str) -> Post:
    name, _, fault = word.partition(":")

    def work(report: Report) -> None:
        if fault == "cannot":
            raise CannotStart(f"{name} has no device")
        if fault in ("done", "rests"):
            (folder / f"{name}-{os.getpid()}").touch()
            report()
            return
        if fault == "gives-up":
            report()
            sys.exit(3)
        if fault == "crash":
            raise RuntimeError("two\nlines")
        if fault == "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        else:
            signal.signal(signal.SIGTERM, lambda *_: stop())
        if fault == "cannot-yet" and not (folder / "may").exists():
            raise CannotStart(f"{name} may not")
        signal.signal(signal.SIGHUP, lambda *_: leave(report))
        (folder / name).write_text(f"{os.getpid()}\n")
        report()
        while fault == "silent":
            signal.pause()
        while True:
            report.beat()
            time.sleep(0.05)

    def stop() -> None:
        (folder / f"{name}-told").touch()
        while fault == "lingers" and not (folder / "over").exists():
            time.sleep(0.01)
        sys.exit(0)

    def leave(report: Report) -> None:
        """Go on alone until the file `over` is there."""
        report.let_go()
        (folder / f"{name}-leaves").touch()
        while not (folder / "over").exists():
            time.sleep(0.01)
        os._exit(0)

    return Post(
        name, work, again=fault not in ("done", "gives-up"), rest=0.2 if fault == "rests" else 0.0
    )


def make_elder(folder: Path) -> int:
    pid = os.fork()
    if pid == 0:

        def leave(*_: object) -> None:
            (folder / "elder-left").touch()
            os._exit(0)

        signal.signal(signal.SIGHUP, leave)
        (folder / "elder").write_text(f"{os.getpid()}\n")
        while True:
            signal.pause()
    return pid


def slow_fork(ready: Path) -> Callable[[], int]:
    """A fork whose child, once the crew is ready, takes a while to do anything."""
    fork = os.fork

    def forked() -> int:
        pid = fork()
        if pid == 0 and ready.exists():
            time.sleep(0.3)
        return pid

    return forked


def main() -> None:
    folder = Path(sys.argv[1])
    flags = [word for word in sys.argv[2:] if word.startswith("--")]
    words = [word for word in sys.argv[2:] if word not in flags]
    posts = [make_post(folder, word) for word in words if not word.startswith("+")]
    afterwards = [make_post(folder, word[1:]) for word in words if word.startswith("+")]

    if "--slow-fork" in flags:
        os.fork = slow_fork(folder / "ready")

    def reload() -> None:
        names = (folder / "posts").read_text().split()
        crew.reassign([make_post(folder, name) for name in names])

    crew = Crew(
        posts,
        time.monotonic,
        Printed(),
        grace=20.0 if "--patient" in flags else 0.5,
        on_ready=lambda: (folder / "ready").touch(),
        on_reload=reload,
        lets_go="--lets-go" in flags,
        elders=[make_elder(folder)] if "--elder" in flags else (),
        beat=0.5 if "--beat" in flags else None,
        afterwards=afterwards,
    )
    try:
        crew.run()
    except CannotStart as error:
        sys.exit(f"cannot start: {error}")
    if crew.gave_up:
        sys.exit("somebody gave up")


main()
