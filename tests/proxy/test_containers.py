from __future__ import annotations

from collections.abc import Callable

import pytest

from swiftlite.policies import Policy
from swiftlite.vocab.limits import Limits
from tests.proxy.clusters import Cluster
from tests.proxy.fake_nodes import Item, answering
from tests.web.environs import Answer

Make = Callable[..., Cluster]
POLICIES = [
    Policy(0, "gold", ("gold",), is_default=True),
    Policy(1, "silver", ("silver", "grey")),
    Policy(2, "old", ("old",), deprecated=True),
]


def owned(cluster: Cluster, method: str, path: str, **headers: str) -> Answer:
    environ = cluster.environ(method, path, **headers)
    environ["swift_owner"] = True
    environ["swift.clean_acl"] = clean
    return Answer(cluster.app, environ)


def clean(name: str, value: str) -> str:
    if "bad" in value:
        raise ValueError(f"Bad ACL in {name}")
    return value.replace(" ", "")


def test_a_container_is_made_with_its_account(make_cluster: Make) -> None:
    cluster = make_cluster()
    assert cluster.ask("PUT", "/v1/new/c").status == 201
    assert cluster.ask("PUT", "/v1/new/c").status == 202
    assert cluster.holders("new") == [0, 1, 2]
    assert cluster.holders("new/c") == [0, 1, 2]
    told = [node.saw("PUT", "container")[0].headers for node in cluster.primaries]
    assert [headers["X-Account-Device"] for headers in told] == ["sd0", "sd1", "sd2"]
    assert {headers["X-Account-Partition"] for headers in told} == {"7"}
    assert {headers["X-Backend-Storage-Policy-Default"] for headers in told} == {"0"}
    assert cluster.ask("PUT", "/v1/new/c/o", b"x").status == 201


def test_an_account_that_cannot_be_made_now_is_worth_another_try(make_cluster: Make) -> None:
    cluster = make_cluster()
    for node in cluster.nodes:
        node.fault = answering(503, "PUT", kind="account")
    assert cluster.ask("PUT", "/v1/new/c").status == 503


def test_a_policy_is_chosen_by_any_of_its_names(make_cluster: Make) -> None:
    cluster = make_cluster(policies=POLICIES)
    assert cluster.ask("PUT", "/v1/a/c", X_Storage_Policy="GREY").status == 201
    told = cluster.nodes[0].saw("PUT", "container")[0].headers
    assert told["X-Backend-Storage-Policy-Index"] == "1"
    assert "X-Backend-Storage-Policy-Default" not in told
    assert cluster.ask("HEAD", "/v1/a/c").headers["x-storage-policy"] == "silver"
    unknown = cluster.ask("PUT", "/v1/a/d", X_Storage_Policy="bronze")
    assert unknown.status == 400
    assert b"bronze" in unknown.body
    assert cluster.ask("PUT", "/v1/a/d", X_Storage_Policy="old").status == 400


def test_a_listing(cluster: Cluster) -> None:
    for node in cluster.primaries:
        node.items["a/c"].body = b'[{"name":"o"}]'
    answer = cluster.ask("GET", "/v1/a/c", query="prefix=o")
    assert (answer.status, answer.body) == (200, b'[{"name":"o"}]')
    assert answer.headers["x-storage-policy"] == "Policy-0"
    (seen,) = [one for node in cluster.primaries for one in node.saw("GET", "container")]
    assert seen.query == "prefix=o&format=json"


def test_no_container_in_an_account_that_is_missing(make_cluster: Make) -> None:
    cluster = make_cluster(account_autocreate=False)
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        assert cluster.ask(method, "/v1/none/c").status == 404
    assert all(node.saw("GET", "container") == [] for node in cluster.nodes)
    hidden = cluster.ask("GET", "/v1/.hidden/c")
    assert hidden.status == 404
    assert any(node.saw("GET", "container") for node in cluster.nodes)


def test_metadata_and_access_lists_of_owners(cluster: Cluster) -> None:
    answer = owned(
        cluster,
        "POST",
        "/v1/a/c",
        X_Container_Read=".r:*, .rlistings",
        X_Container_Meta_Color="red",
        X_Remove_Container_Write="x",
    )
    assert answer.status == 204
    told = cluster.nodes[0].saw("POST", "container")[0].headers
    assert told["X-Container-Read"] == ".r:*,.rlistings"
    assert told["X-Container-Write"] == ""
    assert told["X-Container-Meta-Color"] == "red"
    assert owned(cluster, "HEAD", "/v1/a/c").headers["x-container-read"] == ".r:*,.rlistings"
    assert "x-container-read" not in cluster.ask("HEAD", "/v1/a/c").headers
    assert owned(cluster, "PUT", "/v1/a/c", X_Container_Read="bad").status == 400


def test_others_cannot_set_what_is_the_owners(cluster: Cluster) -> None:
    cluster.ask("POST", "/v1/a/c", X_Container_Read=".r:*", X_Container_Sync_Key="k")
    told = cluster.nodes[0].saw("POST", "container")[0].headers
    assert "X-Container-Read" not in told
    assert "X-Container-Sync-Key" not in told


def test_a_changed_access_list_holds_for_the_next_request(cluster: Cluster) -> None:
    def may_read() -> bool:
        environ = cluster.environ("GET", "/v1/a/c/o")
        environ["swift.authorize"] = lambda request: (
            None if getattr(request, "acl", None) == ".r:*" else _denied()
        )
        return Answer(cluster.app, environ).status != 403

    assert not may_read()
    owned(cluster, "POST", "/v1/a/c", X_Container_Read=".r:*")
    assert may_read()
    owned(cluster, "POST", "/v1/a/c", X_Container_Read="")
    assert not may_read()


def _denied() -> object:
    from swiftlite.web import Response

    return Response(403)


def test_a_container_made_after_a_404_is_found_at_once(cluster: Cluster) -> None:
    assert cluster.ask("PUT", "/v1/a/late/o", b"x").status == 404
    assert cluster.ask("PUT", "/v1/a/late").status == 201
    assert cluster.ask("PUT", "/v1/a/late/o", b"x").status == 201
    assert cluster.ask("DELETE", "/v1/a/late").status == 204
    assert cluster.ask("PUT", "/v1/a/late/p", b"x").status == 404


def test_infos_are_asked_for_once(cluster: Cluster) -> None:
    for number in range(5):
        cluster.put(f"/v1/a/c/{number}", b"x")
    asked = sum(len(node.saw("HEAD", "container")) for node in cluster.nodes)
    assert asked == 1
    asked = sum(len(node.saw("HEAD", "account")) for node in cluster.nodes)
    assert asked == 1


def test_deleting(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.fault = answering(409, "DELETE", kind="container")
    assert cluster.ask("DELETE", "/v1/a/c").status == 409
    for node in cluster.nodes:
        node.fault = None
    assert cluster.ask("DELETE", "/v1/a/c").status == 204
    assert cluster.ask("DELETE", "/v1/a/c").status == 404
    assert "X-Account-Host" in cluster.nodes[0].saw("DELETE", "container")[0].headers


def test_names_and_limits(make_cluster: Make) -> None:
    cluster = make_cluster(limits=Limits(max_container_name_length=5, max_meta_count=1))
    assert cluster.ask("PUT", "/v1/a/" + "c" * 6).status == 400
    assert cluster.ask("PUT", "/v1/.a/" + "c" * 10).status == 201
    two = {"X_Container_Meta_A": "1", "X_Container_Meta_B": "2"}
    assert cluster.ask("PUT", "/v1/a/c", **two).status == 400


@pytest.mark.parametrize("whitelist", [(), ("a",)])
def test_accounts_hold_so_many_containers(make_cluster: Make, whitelist: tuple[str, ...]) -> None:
    cluster = make_cluster(max_containers_per_account=1, max_containers_whitelist=whitelist)
    cluster.make_container()
    assert cluster.ask("PUT", "/v1/a/c").status == 202
    assert cluster.ask("PUT", "/v1/a/d").status == (201 if whitelist else 403)


def test_a_404_of_one_primary_is_not_believed(cluster: Cluster) -> None:
    del cluster.nodes[0].items["a/c"]
    for _ in range(10):
        assert cluster.ask("HEAD", "/v1/a/c").status == 204


def test_a_primary_that_lacks_what_two_cannot_say_is_not_believed(cluster: Cluster) -> None:
    del cluster.nodes[0].items["a/c"]
    cluster.nodes[1].stop()
    cluster.nodes[2].stop()
    assert cluster.ask("HEAD", "/v1/a/c").status == 503


def test_a_newer_deletion_wins_over_an_older_copy(cluster: Cluster) -> None:
    for node in cluster.primaries[:2]:
        node.items["a/c"] = Item("9000000000.00000", deleted=True)
    answer = cluster.ask("GET", "/v1/a/c", X_Newest="true")
    assert answer.status == 404


def test_rows_for_an_account_that_is_not_there_yet_go_to_the_containers(
    make_cluster: Make,
) -> None:
    """So the first tasks of the expirer come to be; OpenStack Swift asks for no account either."""
    cluster = make_cluster()
    answer = cluster.ask(
        "UPDATE",
        "/v1/.new/c",
        b"[]",
        X_Backend_Allow_Private_Methods="True",
        X_Backend_Storage_Policy_Index="0",
        X_Timestamp="1700000000.00000",
    )
    assert all(node.saw("UPDATE", "container") for node in cluster.primaries), answer.status


def test_a_container_whose_account_nobody_can_tell_of_is_not_said_to_be_missing(
    make_cluster: Make,
) -> None:
    """Found by simulated power cuts: a 404 makes a client believe that all of it is gone."""
    cluster = make_cluster()
    cluster.make_container()
    for node in cluster.nodes:
        node.stop()
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        assert cluster.ask(method, "/v1/a/c").status == 503, method
    assert cluster.ask("PUT", "/v1/a/c/o", b"body").status == 503
