"""The checks whose figures are those that servers give, one function for each. Pure.

A check gets the replies of its servers and makes a Report of those that came; replies that did
not are told by whoever calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from swiftlite.cli.recon.ask import Reply
from swiftlite.cli.recon.report import Report, shown_time

Replies = Sequence[Reply]
Check = Callable[[str, Replies, float], Report]
"""Server type, replies, and the time of day now."""


def async_pendings(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking async pendings")
    report.figure("async_pending", _values(replies, "async_pending"))
    return report


def drive_audit(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking drive-audit errors")
    report.figure("drive_audit_errors", _values(replies, "drive_audit_errors"))
    return report


def expirers(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking on expirers")
    for key in ("object_expiration_pass", "expired_last_pass"):
        report.figure(key, _values(replies, key))
    return report


def reconstruction(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking on reconstructors")
    key = "object_reconstruction_time"
    report.figure(key, _values(replies, key))
    report.completions(_moments(replies, "object_reconstruction_last"), now)
    return report


def replication(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking on replication")
    report.figure(
        "replication_time",
        [
            reply.content.get("replication_time", reply.content.get("object_replication_time", 0))
            for reply in _good(replies)
        ],
    )
    _outcomes(
        report, replies, "replication_stats", ("failure", "success", "attempted"), "replication_"
    )
    last = [
        (
            reply.netloc,
            reply.content.get("replication_last", reply.content.get("object_replication_last", 0)),
        )
        for reply in _good(replies)
    ]
    report.completions(last, now)
    return report


def sharding(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking on sharders")
    report.figure("sharding_time", _values(replies, "sharding_time"))
    _outcomes(report, replies, "sharding_stats", ("attempted", "failure", "success"))
    report.completions(_moments(replies, "sharding_last"), now)
    return report


def updaters(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking updater times")
    sweeps = [value for value in _values(replies, f"{kind}_updater_sweep") if value]
    report.figure("updater_last_sweep", sweeps)
    return report


def database_auditors(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking auditor stats")
    for key in (
        f"{kind}_auditor_pass_completed", f"{kind}_audits_failed", f"{kind}_audits_passed",
    ):  # fmt: skip
        report.figure(key, [value for value in _values(replies, key) if value is not None])
    key = f"{kind}_audits_since"
    since = [value for value in _values(replies, key) if value is not None]
    if not since:
        report.lines.append(f"[{key}] - No hosts returned valid data.")
        return report
    low, high, average = min(since), max(since), sum(since) / len(since)
    report.facts["last_pass"] = {"oldest": low, "newest": high, "average": average}
    report.lines.append(
        f"[last_pass] oldest: {shown_time(low)}, newest: {shown_time(high)}, "
        f"avg: {shown_time(average)}"
    )
    return report


def object_auditors(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking auditor stats ")
    for scan, keys in (
        ("ALL", ("audit_time", "bytes_processed", "passes", "errors", "quarantined")),
        ("ZBF", ("audit_time", "bytes_processed", "errors", "quarantined")),
    ):
        stats = [value for value in _values(replies, f"object_auditor_stats_{scan}") if value]
        if not stats:
            report.facts[f"{scan}_auditor"] = {"reported": 0}
            report.lines.append(f"[{scan}_auditor] - No hosts returned valid data.")
            continue
        for key in keys:
            report.figure(f"{scan}_{key}_last_path", [sum(_nested(one, key)) for one in stats])
    return report


def loads(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking load averages")
    for key in ("1m", "5m", "15m"):
        report.figure(f"{key}_load_avg", _values(replies, key))
    return report


def quarantines(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking quarantine")
    by_policy: dict[str, list[Any]] = {}
    for reply in _good(replies):
        for policy, counts in reply.content.get("policies", {}).items():
            by_policy.setdefault(policy, []).append(counts["objects"])
    for policy, counts in by_policy.items():
        report.figure(f"quarantined_objects_{policy}", counts)
    for key in ("objects", "containers", "accounts"):
        report.figure(f"quarantined_{key}", _values(replies, key))
    return report


def sockets(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking socket usage")
    for key in ("tcp_in_use", "tcp_mem_allocated_bytes", "tcp6_in_use", "time_wait", "orphan"):
        report.figure(key, [reply.content.get(key, 0) for reply in _good(replies)])
    return report


def versions(kind: str, replies: Replies, now: float) -> Report:
    report = Report("Checking versions")
    found = sorted({str(reply.content["version"]) for reply in _good(replies)})
    errors = len(replies) - len(_good(replies))
    report.facts.update({"versions": found, "errors": errors})
    if not found:
        report.lines.append("No hosts returned valid data.")
    else:
        word = "matched" if len(found) == 1 else "not matched"
        report.lines.append(
            f"Versions {word} ({', '.join(found)}), {errors} error[s] while checking hosts."
        )
    return report


def unmounted(kind: str, replies: Replies, now: float) -> Report:
    report = Report(f"Getting unmounted drives from {len(replies)} hosts...")
    for what, is_error in (("Not mounted", False), ("Device errors", True)):
        found = [
            (entry["device"], reply.netloc)
            for reply in _good(replies)
            for entry in reply.content
            if isinstance(entry["mounted"], bool) is not is_error
        ]
        report.lines += [f"{what}: {device} on {netloc}" for device, netloc in found]
        key = "device_errors" if is_error else "unmounted"
        report.facts[key] = [{"device": device, "host": netloc} for device, netloc in found]
    return report


def server_types(kind: str, replies: Replies, now: float) -> Report:
    report = Report(f"Validating server type '{kind}' on {len(replies)} hosts...")
    wrong = {r.url: r.content for r in _good(replies) if r.content != f"{kind}-server"}
    report.matched(len(replies) - len(wrong), len(replies), len(wrong), "ok")
    report.facts["invalid"] = wrong
    report.lines += [f"Invalid: {url} is {content}" for url, content in wrong.items()]
    return report


def _good(replies: Replies) -> list[Reply]:
    return [reply for reply in replies if reply.ok]


def _values(replies: Replies, key: str) -> list[Any]:
    return [reply.content.get(key) for reply in _good(replies)]


def _moments(replies: Replies, key: str) -> list[tuple[str, Any]]:
    return [(reply.netloc, reply.content.get(key, 0)) for reply in _good(replies)]


def _outcomes(
    report: Report, replies: Replies, stats: str, keys: Sequence[str], prefix: str = ""
) -> None:
    told = [value for value in _values(replies, stats) if value]
    for key in keys:
        report.figure(prefix + key, [one.get(key) for one in told], missing=key)


def _nested(entry: Mapping[str, Any], key: str) -> Iterator[Any]:
    """Every value of key: auditors that share a node's devices report one level deeper."""
    for name, value in entry.items():
        if isinstance(value, dict):
            yield from _nested(value, key)
        if name == key and value is not None:
            yield value
