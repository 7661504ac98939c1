"""The checks that compare servers with this machine: files, clocks; and how full disks are."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable

from swiftlite.cli.recon.checks import Replies
from swiftlite.cli.recon.report import Report, shown_size, shown_time

_GRAPH_WIDTH = 69


def ring_sums(swift_dir: str, verbose: bool) -> Callable[[str, Replies, float], Report]:
    def check(kind: str, replies: Replies, now: float) -> Report:
        report = Report("Checking ring md5sums")
        names = [name for name in _files(swift_dir) if _is_ring(name, kind)]
        sums = {name: _md5(os.path.join(swift_dir, name)) for name in names}
        if verbose:
            report.lines += [f"-> On disk {name} md5sum: {sums[name]}" for name in sums]
        differing: dict[str, list[str]] = {}
        for reply in replies:
            if not reply.ok:
                continue
            for path, theirs in reply.content.items():
                name = os.path.basename(path)
                if name.startswith(kind) and sums.get(name) != theirs:
                    differing.setdefault(reply.url, []).append(name)
                    report.lines.append(
                        f"!! {reply.url} ({name} => {theirs}) doesn't match on disk md5sum"
                    )
        _compared(report, replies, differing, verbose, counts_differing=True)
        return report

    return check


def conf_sums(swift_dir: str, verbose: bool) -> Callable[[str, Replies, float], Report]:
    def check(kind: str, replies: Replies, now: float) -> Report:
        report = Report("Checking swift.conf md5sum")
        ours = _md5(os.path.join(swift_dir, "swift.conf"))
        if verbose:
            report.lines.append(f"-> On disk swift.conf md5sum: {ours}")
        differing: dict[str, list[str]] = {}
        for reply in replies:
            theirs = next(iter(reply.content.values()), None) if reply.ok else ours
            if theirs != ours:
                differing[reply.url] = ["swift.conf"]
                report.lines.append(f"!! {reply.url} ({theirs}) doesn't match on disk md5sum")
        _compared(report, replies, differing, verbose)
        return report

    return check


def _compared(
    report: Report,
    replies: Replies,
    differing: dict[str, list[str]],
    verbose: bool,
    *,
    counts_differing: bool = False,
) -> None:
    silent = sum(not reply.ok for reply in replies)
    good = [reply.url for reply in replies if reply.ok and reply.url not in differing]
    if verbose:
        report.lines += [f"-> {url} matches." for url in good]
    report.facts["differing"] = differing
    report.matched(len(good), len(replies), silent + counts_differing * len(differing))


def _files(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _is_ring(name: str, kind: str) -> bool:
    return name.startswith(kind) and name.endswith(".ring.gz")


def _md5(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return None


def clocks(jitter: float, verbose: bool) -> Callable[[str, Replies, float], Report]:
    """jitter: seconds by which a clock may differ beyond what the call took."""

    def check(kind: str, replies: Replies, now: float) -> Report:
        report = Report("Checking time-sync")
        off: dict[str, float] = {}
        for reply in replies:
            if not reply.ok:
                continue
            theirs = float(reply.content)
            if reply.started - jitter <= theirs <= reply.ended + jitter:
                if verbose:
                    report.lines.append(f"-> {reply.url} matches.")
                continue
            off[reply.url] = theirs - reply.ended
            report.lines.append(
                f"!! {reply.url} current time is {shown_time(reply.ended)}, but remote is "
                f"{shown_time(theirs)}, differs by {abs(off[reply.url]):.4f} sec"
            )
        silent = sum(not reply.ok for reply in replies)
        report.facts["off_by"] = off
        report.matched(len(replies) - silent - len(off), len(replies), silent)
        return report

    return check


def disk_usage(top: int, lowest: int, readable: bool) -> Callable[[str, Replies, float], Report]:
    """top, lowest: how many of the fullest and emptiest devices are named."""

    def check(kind: str, replies: Replies, now: float) -> Report:
        report = Report("Checking disk usage now")
        devices = _devices(report, replies)
        if not devices:
            report.lines.append("No hosts returned valid data.")
            return report
        percents = [used * 100.0 / size for _, _, used, size in devices]
        _graph(report, Counter(int(percent) for percent in percents))
        used = sum(used for _, _, used, _ in devices)
        total = sum(size for _, _, _, size in devices)
        low, high = round(min(percents), 2), round(max(percents), 2)
        average = used * 100.0 / total
        report.facts.update(
            {"used": used, "free": total - used, "total": total,
             "lowest": low, "highest": high, "average": average}
        )  # fmt: skip
        show = shown_size if readable else str
        report.lines += [
            f"Disk usage: space used: {show(used)} of {show(total)}",
            f"Disk usage: space free: {show(total - used)} of {show(total)}",
            f"Disk usage: lowest: {low}%, highest: {high}%, avg: {average}%",
        ]
        ranked = sorted(
            (
                (percent, ip, name)
                for percent, (ip, name, *_) in zip(percents, devices, strict=True)
            ),
            reverse=True,
        )
        _ranks(report, f"TOP {top}", "top", ranked[:top])
        _ranks(report, f"LOWEST {lowest}", "lowest_devices", ranked[::-1][:lowest])
        return report

    return check


def _devices(report: Report, replies: Replies) -> list[tuple[str, str, int, int]]:
    """(ip, device, used, size) of all that are mounted."""
    found = []
    for reply in replies:
        if not reply.ok:
            continue
        mounted = 0
        for entry in reply.content:
            if not isinstance(entry["mounted"], bool):
                report.lines.append(f"-> {reply.url}/{entry['device']}: Error: {entry['mounted']}")
            elif entry["mounted"] and entry["size"]:
                mounted += 1
                size = int(entry["used"]) + int(entry["avail"])
                found.append((reply.server[0], str(entry["device"]), int(entry["used"]), size))
        if not mounted:
            report.lines.append(f"-> {reply.url}: Error. No drive info available.")
    return found


def _graph(report: Report, counts: Counter[int]) -> None:
    report.lines.append("Distribution Graph:")
    scale = _GRAPH_WIDTH / max(counts.values())
    for percent in sorted(counts):
        bar = "*" * int(counts[percent] * scale)
        report.lines.append(f"{percent: 3d}%{counts[percent]:5d} {bar}")


def _ranks(report: Report, title: str, key: str, ranked: list[tuple[float, str, str]]) -> None:
    if not ranked:
        return
    report.facts[key] = [
        {"host": ip, "device": name, "percent": percent} for percent, ip, name in ranked
    ]
    report.lines += ["=" * 79, title]
    report.lines += [f"{percent:.02f}%  {ip:<15} {name}" for percent, ip, name in ranked]
