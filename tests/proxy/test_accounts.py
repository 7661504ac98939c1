from __future__ import annotations

from collections.abc import Callable

import pytest

from swiftlite.vocab.limits import Limits
from tests.proxy.clusters import Cluster
from tests.proxy.fake_nodes import Item, answering, breaking, hanging

Make = Callable[..., Cluster]
NAMES = b'[{"name":"c"}]'


def owned(cluster: Cluster, method: str, path: str, **headers: str) -> dict[str, str]:
    from tests.web.environs import Answer

    environ = cluster.environ(method, path, **headers)
    environ["swift_owner"] = True
    return Answer(cluster.app, environ).headers


def test_a_listing_is_asked_for_as_json_with_the_clients_wishes(cluster: Cluster) -> None:
    for node in cluster.primaries:
        node.items["a"].body = NAMES
    answer = cluster.ask("GET", "/v1/a", query="limit=5&format=xml&marker=%C3%A4")
    assert (answer.status, answer.body) == (200, NAMES)
    assert answer.headers["x-account-container-count"] == "1"
    assert "x-put-timestamp" not in answer.headers
    assert "x-timestamp" in answer.headers
    (seen,) = [one for node in cluster.primaries for one in node.saw("GET", "account")]
    assert seen.query == "limit=5&marker=%C3%A4&format=json"


def test_a_head(cluster: Cluster) -> None:
    answer = cluster.ask("HEAD", "/v1/a")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["x-account-container-count"] == "1"


def test_an_account_nobody_made_looks_empty(make_cluster: Make) -> None:
    cluster = make_cluster()
    answer = cluster.ask("GET", "/v1/new")
    assert (answer.status, answer.body) == (200, b"[]")
    assert answer.headers["x-account-container-count"] == "0"
    assert answer.headers["content-type"].startswith("application/json")
    assert cluster.ask("HEAD", "/v1/new").status == 204
    assert cluster.holders("new") == []


def test_without_autocreate_it_is_missing(make_cluster: Make) -> None:
    cluster = make_cluster(account_autocreate=False)
    assert cluster.ask("GET", "/v1/new").status == 404
    assert cluster.ask("POST", "/v1/new").status == 404
    assert cluster.ask("PUT", "/v1/new/c").status == 404


def test_a_deleted_account_is_gone(cluster: Cluster) -> None:
    for node in cluster.primaries:
        node.items["a"] = Item("1700000000.00000", deleted=True)
    assert cluster.ask("GET", "/v1/a").status == 410
    assert cluster.ask("PUT", "/v1/a/c").status == 404


def test_posting_metadata_makes_the_account(make_cluster: Make) -> None:
    cluster = make_cluster()
    answer = cluster.ask("POST", "/v1/new", X_Account_Meta_Color="red")
    assert answer.status == 204
    assert cluster.holders("new") == [0, 1, 2]
    assert cluster.ask("HEAD", "/v1/new").headers["x-account-meta-color"] == "red"


def test_metadata_is_removed_by_name(cluster: Cluster) -> None:
    cluster.ask("POST", "/v1/a", X_Remove_Account_Meta_Color="x", X_Account_Meta_Size="5")
    told = cluster.nodes[0].saw("POST", "account")[0].headers
    assert told["X-Account-Meta-Color"] == ""
    assert told["X-Account-Meta-Size"] == "5"
    assert "X-Remove-Account-Meta-Color" not in told


def test_owners_see_what_others_do_not(cluster: Cluster) -> None:
    for node in cluster.primaries:
        node.items["a"].headers["X-Account-Meta-Temp-Url-Key"] = "secret"
        node.items["a"].headers["X-Account-Sysmeta-Core-Access-Control"] = '{"admin":["b"]}'
    others = cluster.ask("HEAD", "/v1/a").headers
    assert "x-account-meta-temp-url-key" not in others
    assert "x-account-access-control" not in others
    mine = owned(cluster, "HEAD", "/v1/a")
    assert mine["x-account-meta-temp-url-key"] == "secret"
    assert mine["x-account-access-control"] == '{"admin":["b"]}'


def test_accounts_are_made_and_deleted_where_that_is_allowed(make_cluster: Make) -> None:
    cluster = make_cluster(allow_account_management=True, account_autocreate=False)
    assert (
        cluster.ask("OPTIONS", "/v1/new").headers["allow"]
        == "DELETE, GET, HEAD, OPTIONS, POST, PUT"
    )
    assert cluster.ask("PUT", "/v1/new").status == 201
    assert cluster.ask("PUT", "/v1/new").status == 202
    assert cluster.ask("DELETE", "/v1/new", query="limit=1").status == 400
    assert cluster.holders("new") == [0, 1, 2]
    assert cluster.ask("DELETE", "/v1/new").status == 204
    assert cluster.ask("GET", "/v1/new").status == 410


def test_long_names_and_metadata_beyond_limits(make_cluster: Make) -> None:
    cluster = make_cluster(limits=Limits(max_account_name_length=10, max_meta_value_length=5))
    assert cluster.ask("GET", "/v1/" + "a" * 11).status == 400
    assert cluster.ask("GET", "/v1/." + "a" * 11).status == 200
    assert cluster.ask("POST", "/v1/a", X_Account_Meta_X="123456").status == 400


def test_reads_survive_dead_full_and_hanging_nodes(impatient: Cluster) -> None:
    cluster = impatient
    cluster.nodes[0].fault = hanging("GET", kind="account")
    cluster.nodes[1].stop()
    for _ in range(3):
        assert cluster.ask("GET", "/v1/a").status == 200
    cluster.nodes[2].fault = answering(507, "GET", kind="account")
    assert cluster.ask("GET", "/v1/a").status == 503


def test_a_change_needs_a_quorum(make_cluster: Make) -> None:
    cluster = make_cluster(devices=3)
    cluster.make_container()
    cluster.nodes[0].stop()
    assert cluster.ask("POST", "/v1/a", X_Account_Meta_X="1").status == 204
    cluster.nodes[1].fault = answering(500, "POST", kind="account")
    assert cluster.ask("POST", "/v1/a", X_Account_Meta_X="2").status == 503


def test_a_change_goes_to_handoffs_of_dead_nodes(cluster: Cluster) -> None:
    cluster.nodes[0].stop()
    cluster.ask("PUT", "/v1/b/c")
    assert cluster.holders("b") == [1, 2, 3]
    assert cluster.holders("b/c") == [1, 2, 3]


def test_a_listing_that_breaks_off_is_read_elsewhere(cluster: Cluster) -> None:
    for node in cluster.primaries:
        node.items["a"].body = NAMES
    broken = breaking(3)
    cluster.nodes[0].fault = broken  # objects only: listings go through
    assert cluster.ask("GET", "/v1/a").body == NAMES


@pytest.mark.parametrize("query", ["limit=%00", "marker=\xff", "prefix=%ff", "format=&&=&x"])
def test_odd_queries_are_passed_on_quoted(cluster: Cluster, query: str) -> None:
    assert cluster.ask("GET", "/v1/a", query=query).status == 200
