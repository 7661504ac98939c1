"""show (or no command): the builder and its devices; with --picture, the ring drawn as SVG."""

from __future__ import annotations

from swiftlite.ring.files import replace_file

from .choosing import Parser
from .session import SUCCESS, Session, stale
from .tables import all_device_facts, device_table, duration

SUMMARY = "the builder, its devices, and whether the ring file is up to date"
USAGE = """\
swiftlite-ring-builder <builder file> [show] [--picture FILE.svg]

Partitions, replicas, balance, dispersion, and a line per device. With --picture the ring is also
drawn: regions, zones and devices as rings around one another, what is assigned against what the
weight asks for."""
WRITES = False


def run(session: Session, name: str, args: list[str]) -> int:
    parser = Parser(add_help=False)
    parser.add_argument("--picture", metavar="FILE")
    options = parser.parse_args(args)
    builder = session.builder
    devices = builder.listed()
    regions = {device.region for device in devices}
    zones = {(device.region, device.zone) for device in devices}
    balance = builder.balance() if devices else 0.0
    dispersion = builder.dispersion or 0.0
    left = builder.seconds_left(session.now)
    session.say(
        f"{session.builder_path}, build version {builder.version}, id {builder.id}",
        builder_file=session.builder_path,
        version=builder.version,
        id=builder.id,
    )
    session.say(
        f"{builder.partition_count} partitions, {builder.replica_count:.6f} replicas,"
        f" {len(regions)} regions, {len(zones)} zones, {len(devices)} devices,"
        f" {builder.id_bytes}-byte IDs, {balance:.2f} balance, {dispersion:.2f} dispersion",
        partitions=builder.partition_count,
        part_power=builder.part_power,
        replicas=builder.replica_count,
        regions=len(regions),
        zones=len(zones),
        id_bytes=builder.id_bytes,
        balance=round(balance, 4),
        dispersion=round(dispersion, 4),
        rebalanced=builder.rebalanced,
    )
    session.say(
        f"A partition rests {builder.min_part_hours} hours after a move"
        f" ({duration(left)} remaining)",
        min_part_hours=builder.min_part_hours,
        seconds_left=left,
    )
    session.say(
        f"The overload factor is {100 * builder.overload:.2f}% ({builder.overload:.6f})",
        overload=builder.overload,
    )
    _ring_state(session)
    _part_power(session)
    session.say(devices=all_device_facts(builder, devices))
    if devices:
        for line in device_table(builder, devices):
            session.say(line)
    else:
        session.say("There are no devices yet; add some with the command add.")
    if options.picture:
        from swiftlite.ring.picture import draw

        replace_file(options.picture, [draw(builder).encode("utf-8")])
        session.say(f"Drawn to {options.picture}", picture=options.picture)
    return SUCCESS


def _ring_state(session: Session) -> None:
    state = stale(session)
    words = {
        None: ("missing", "was not found or cannot be read; rebalance or write_ring writes it"),
        True: ("obsolete", "is obsolete; write_ring or rebalance brings it up to date"),
        False: ("current", "is up to date"),
    }
    word, sentence = words[state]
    session.say(
        f"Ring file {session.ring_path} {sentence}", ring_file=session.ring_path, ring_state=word
    )


def _part_power(session: Session) -> None:
    builder = session.builder
    following = builder.next_part_power
    session.say(next_part_power=following)
    if following is None:
        return
    if following != builder.part_power:
        session.say(
            f"Partition power {builder.part_power} is to become {following}: relink on all nodes,"
            " then increase_partition_power (or cancel_increase_partition_power)."
        )
    else:
        session.say(
            f"Partition power is now {following}: clean up on all nodes,"
            " then finish_increase_partition_power."
        )
