"""Auditors over real databases: what is sound stays, what is not goes to quarantine."""

from __future__ import annotations

from typing import Any

from swiftlite.container.auditor import ContainerAuditorOptions, build
from swiftlite.formats.recon_cache import parse_recon
from tests.dbstore.stores import at, names, row
from tests.dbsync.nodes import Make, Node, run_once
from tests.service.contexts import make_context


def audit(node: Node, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # options of an auditor
    """One pass; what the recon cache says afterwards."""
    conf = {"devices": str(node.root), "mount_check": "no", "fallocate_reserve": "0"}
    context = make_context(
        node.nodes.host,
        cluster=node.app.conf,
        rings=node.nodes.rings,
        node_conf=conf,
        sink=node.lines,
        recon_path=str(node.root),
        once=True,
    )
    work = build(context, ContainerAuditorOptions(**options))
    run_once(work)
    work.close()
    return dict(parse_recon((node.root / "container.recon").read_bytes()))


def damage(node: Node, name: str, at: int) -> None:
    """Overwrite a page in the middle of a closed database."""
    node.app.engine.close()
    with open(node.container(name).place.path, "r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * 2048)


def test_sound_databases_pass(make: Make) -> None:
    node = make(count=1, replicas=1)[0]
    for name in ("c1", "c2"):
        node.made(name).merge_rows([row(f"o{n}") for n in range(100)])
    told = audit(node)
    assert (told["container_audits_passed"], told["container_audits_failed"]) == (2, 0)
    assert told["container_auditor_pass_completed"] >= 0
    assert len(names(node.container("c1"))) == 100


def test_a_damaged_page_is_found_and_the_database_set_aside(make: Make) -> None:
    node = make(count=1, replicas=1)[0]
    for name in ("c1", "c2"):
        node.made(name).merge_rows([row(f"o{n:05}", content_type="x" * 40) for n in range(2000)])
    damage(node, "c1", 20 * 4096)
    told = audit(node)
    assert (told["container_audits_passed"], told["container_audits_failed"]) == (1, 1)
    assert list((node.root / "sd0" / "quarantined" / "containers").iterdir())
    assert len(names(node.container("c2"))) == 2000


def test_a_deleted_database_is_neither_passed_nor_failed(make: Make) -> None:
    node = make(count=1, replicas=1)[0]
    node.made().delete(at(1))
    told = audit(node)
    assert (told["container_audits_passed"], told["container_audits_failed"]) == (0, 0)
