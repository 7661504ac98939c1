"""A crew for test_crew.py, run as a process of its own: run_crew.py FOLDER POST...

A post is a name, with what it does wrong behind a colon. Every child writes its pid to
FOLDER/<name> when it begins; FOLDER/ready appears when the crew says that all are ready.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from swiftlite.service.crew import CannotStart, Crew, Post, Ready


class Printed:
    def info(self, message: str, /) -> None:
        print(message, flush=True)

    warning = error = info


def make_post(folder: Path, word: str) -> Post:
    name, _, fault = word.partition(":")

    def work(ready: Ready) -> None:
        if fault == "cannot":
            raise CannotStart(f"{name} has no device")
        if fault == "crash":
            raise RuntimeError("two\nlines")
        if fault == "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        else:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        (folder / name).write_text(f"{os.getpid()}\n")
        ready()
        while True:
            signal.pause()

    return Post(name, work)


def main() -> None:
    folder = Path(sys.argv[1])
    crew = Crew(
        [make_post(folder, word) for word in sys.argv[2:] if word != "--no-reload"],
        time.monotonic,
        Printed(),
        grace=0.5,
        on_ready=lambda: (folder / "ready").touch(),
        reload="--no-reload" not in sys.argv,
    )
    try:
        crew.run()
    except CannotStart as error:
        sys.exit(f"cannot start: {error}")


main()
