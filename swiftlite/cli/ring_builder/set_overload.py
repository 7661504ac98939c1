"""set_overload: how far devices may exceed their share to keep replicas apart."""

from __future__ import annotations

from .choosing import Parser
from .session import SUCCESS, WARNING, Session, UsageError

SUMMARY = "how far devices may exceed their share to keep replicas apart"
USAGE = """\
swiftlite-ring-builder <builder file> set_overload <overload>[%]

0.1 or 10%: a device may get a tenth more than its weight's share where that keeps the replicas of a
partition farther apart. Takes effect at the next rebalance."""
WRITES = True


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("overload")
    text = parser.parse_args(args).overload
    try:
        overload = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise UsageError(f"not a number: {text!r}") from None
    session.builder.set_overload(overload)
    session.save()
    session.say(
        f"The overload factor is now {100 * overload:.2f}% ({overload:.6f});"
        " it takes effect at the next rebalance",
        overload=overload,
    )
    if overload > 1 and not text.endswith("%"):
        session.say(
            "WARNING: that is more than 100%; a device may get twice its share and more."
            f" {text}% would be {text} percent"
        )
        return WARNING
    return SUCCESS
