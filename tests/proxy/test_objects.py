"""Objects through the proxy when all is well."""

from __future__ import annotations

from hashlib import md5

from tests.proxy.clusters import Cluster

BIG = bytes(range(256)) * 2000  # 512,000 bytes: more than goes out with a head


def test_a_small_object_is_on_three_nodes_when_it_is_acknowledged(cluster: Cluster) -> None:
    answer = cluster.put("/v1/a/c/o", b"hello", X_Object_Meta_Color="red")
    assert answer.body == b""
    assert answer.headers["etag"] == md5(b"hello").hexdigest()
    assert answer.headers["content-length"] == "0"
    assert answer.headers["last-modified"].endswith("GMT")
    assert cluster.holders("a/c/o") == [0, 1, 2]
    got = cluster.ask("GET", "/v1/a/c/o")
    assert (got.status, got.body) == (200, b"hello")
    assert got.headers["etag"] == md5(b"hello").hexdigest()
    assert got.headers["x-object-meta-color"] == "red"
    assert got.headers["content-type"] == "text/plain"
    assert got.headers["content-length"] == "5"


def test_each_node_hears_of_another_container_server(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello")
    told = [node.saw("PUT")[0].headers for node in cluster.primaries]
    hosts = [headers["X-Container-Host"] for headers in told]
    assert hosts == [f"127.0.0.1:{node.device.port}" for node in cluster.primaries]
    assert {headers["X-Container-Partition"] for headers in told} == {"7"}
    assert {headers["X-Backend-Storage-Policy-Index"] for headers in told} == {"0"}
    assert len({headers["X-Timestamp"] for headers in told}) == 1
    assert told[0]["User-Agent"].startswith("proxy-server ")
    assert told[0]["Referer"] == "PUT http://proxy/v1/a/c/o"
    assert told[0]["X-Trans-Id"].startswith("tx")
    assert "Expect" not in told[0]


def test_a_big_object_waits_for_100_and_comes_back(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", BIG)
    assert [node.saw("PUT")[0].headers["Expect"] for node in cluster.primaries] == [
        "100-continue"
    ] * 3
    got = cluster.ask("GET", "/v1/a/c/o")
    assert got.body == BIG
    assert got.headers["content-length"] == str(len(BIG))


def test_a_head_says_what_a_get_would(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", BIG)
    got, head = cluster.ask("GET", "/v1/a/c/o"), cluster.ask("HEAD", "/v1/a/c/o")
    assert head.body == b""
    assert head.headers == got.headers


def test_an_empty_object(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"")
    got = cluster.ask("GET", "/v1/a/c/o")
    assert (got.status, got.body, got.headers["content-length"]) == (200, b"", "0")
    assert cluster.ask("HEAD", "/v1/a/c/o").headers["content-length"] == "0"


def test_chunked_uploads_of_any_size(cluster: Cluster) -> None:
    for body in (b"", b"small", BIG, b"x" * 65536, b"x" * 65537):
        answer = cluster.ask(
            "PUT", "/v1/a/c/o", body, Transfer_Encoding="chunked", Content_Type="a/b"
        )
        assert answer.status == 201, cluster.lines.lines
        assert cluster.ask("GET", "/v1/a/c/o").body == body


def test_names_in_other_scripts_and_with_odd_characters(cluster: Cluster) -> None:
    for name in ("ä ö/ü%", "日本語?x", "a//b/", "emoji 🎉", "..", "q?a=b&c"):
        path = "/v1/a/c/" + name.encode().decode("latin-1")
        cluster.put(path, name.encode())
        assert cluster.ask("GET", path).body == name.encode()
        wsgi_name = name.encode().decode("latin-1")
        assert cluster.holders("a/c/" + wsgi_name) == [0, 1, 2]


def test_metadata_in_other_scripts_comes_back_byte_for_byte(cluster: Cluster) -> None:
    value = "grün 日本".encode().decode("latin-1")
    cluster.put("/v1/a/c/o", b"x", X_Object_Meta_Farbe=value)
    assert cluster.ask("GET", "/v1/a/c/o").headers["x-object-meta-farbe"] == value


def test_ranges(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", BIG)
    part = cluster.ask("GET", "/v1/a/c/o", Range="bytes=1000-1999")
    assert (part.status, part.body) == (206, BIG[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(BIG)}"
    assert cluster.ask("GET", "/v1/a/c/o", Range="bytes=-5").body == BIG[-5:]
    beyond = cluster.ask("GET", "/v1/a/c/o", Range=f"bytes={len(BIG)}-")
    assert beyond.status == 416
    assert beyond.headers["content-range"] == f"bytes */{len(BIG)}"


def test_several_ranges_come_as_one_multipart_body(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", BIG, X_Object_Meta_Color="red")
    answer = cluster.ask("GET", "/v1/a/c/o", Range="bytes=0-4,100000-299999,-3")
    assert answer.status == 206
    assert answer.headers["x-object-meta-color"] == "red"
    assert int(answer.headers["content-length"]) == len(answer.body)
    kind, _, boundary = answer.headers["content-type"].partition(";boundary=")
    assert kind == "multipart/byteranges"
    parts = answer.body.split(b"--" + boundary.encode())
    bodies = [part.partition(b"\r\n\r\n")[2][:-2] for part in parts[1:-1]]
    assert bodies == [BIG[:5], BIG[100000:300000], BIG[-3:]]
    assert b"Content-Range: bytes 0-4/512000" in parts[1]
    assert b"Content-Type: text/plain" in parts[1]
    assert "content-range" not in answer.headers


def test_several_ranges_of_which_one_can_be_had(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"0123456789")
    answer = cluster.ask("GET", "/v1/a/c/o", Range="bytes=2-4,50-60")
    assert (answer.status, answer.body) == (206, b"234")
    assert answer.headers["content-range"] == "bytes 2-4/10"
    assert cluster.ask("GET", "/v1/a/c/o", Range="bytes=20-30,50-60").status == 416
    assert cluster.ask("GET", "/v1/a/c/none", Range="bytes=0-1,3-4").status == 404


def test_conditions_are_the_nodes_to_judge(cluster: Cluster) -> None:
    etag = cluster.put("/v1/a/c/o", b"hello").headers["etag"]
    same = cluster.ask("GET", "/v1/a/c/o", If_None_Match=etag)
    assert (same.status, same.body) == (304, b"")
    assert same.headers["etag"] == etag
    assert cluster.ask("GET", "/v1/a/c/o", If_Match='"x"').status == 412
    assert cluster.ask("GET", "/v1/a/c/o", If_Match=etag).status == 200
    several = cluster.ask("GET", "/v1/a/c/o", Range="bytes=0-1,3-4", If_None_Match=etag)
    assert several.status == 304


def test_a_wrong_etag_is_refused_by_the_nodes(cluster: Cluster) -> None:
    for body in (b"hello", BIG):
        answer = cluster.ask("PUT", "/v1/a/c/o", body, ETag="0" * 32, Content_Type="a/b")
        assert answer.status == 422
        assert cluster.holders("a/c/o") == []


def test_put_only_if_nothing_is_there(cluster: Cluster) -> None:
    first = cluster.ask("PUT", "/v1/a/c/o", b"one", If_None_Match="*", Content_Type="a/b")
    assert first.status == 201
    again = cluster.ask("PUT", "/v1/a/c/o", b"two", If_None_Match="*", Content_Type="a/b")
    assert again.status == 412
    assert cluster.ask("GET", "/v1/a/c/o").body == b"one"
    other = cluster.ask("PUT", "/v1/a/c/o", b"two", If_None_Match='"abc"', Content_Type="a/b")
    assert other.status == 400


def test_one_node_that_has_it_is_enough_to_refuse(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"one")
    for node in cluster.primaries[:2]:
        del node.items["a/c/o"]
    again = cluster.ask("PUT", "/v1/a/c/o", b"two", If_None_Match="*", Content_Type="a/b")
    assert again.status == 412
    assert cluster.holders("a/c/o") == [2]


def test_post_replaces_metadata(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello")
    answer = cluster.ask("POST", "/v1/a/c/o", X_Object_Meta_Color="blue")
    assert answer.status == 202
    assert cluster.ask("GET", "/v1/a/c/o").headers["x-object-meta-color"] == "blue"
    assert cluster.ask("POST", "/v1/a/c/none").status == 404
    assert "X-Container-Host" in cluster.nodes[0].saw("POST")[0].headers


def test_delete(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello")
    assert cluster.ask("DELETE", "/v1/a/c/o").status == 204
    assert cluster.ask("GET", "/v1/a/c/o").status == 404
    assert cluster.ask("DELETE", "/v1/a/c/o").status == 404
    assert all(node.items["a/c/o"].deleted for node in cluster.primaries)


def test_a_delete_goes_to_nodes_that_do_not_have_it_too(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"hello")
    del cluster.nodes[0].items["a/c/o"]
    assert cluster.ask("DELETE", "/v1/a/c/o").status == 204
    assert cluster.nodes[0].items["a/c/o"].deleted


def test_something_newer_makes_a_put_accepted_but_not_created(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"new")
    for body in (b"old", BIG):
        answer = cluster.ask(
            "PUT", "/v1/a/c/o", body, X_Timestamp="1700000000.00000", Content_Type="a/b"
        )
        assert answer.status == 202
    assert cluster.ask("GET", "/v1/a/c/o").body == b"new"


def test_content_types_are_guessed_where_none_is_given(cluster: Cluster) -> None:
    cluster.ask("PUT", "/v1/a/c/o.html", b"x")
    assert cluster.ask("HEAD", "/v1/a/c/o.html").headers["content-type"] == "text/html"
    cluster.ask("PUT", "/v1/a/c/o.unknown-ending", b"x")
    guessed = cluster.ask("HEAD", "/v1/a/c/o.unknown-ending").headers["content-type"]
    assert guessed == "application/octet-stream"
    cluster.ask(
        "PUT", "/v1/a/c/o.png", b"x", Content_Type="text/plain", X_Detect_Content_Type="yes"
    )
    assert cluster.ask("HEAD", "/v1/a/c/o.png").headers["content-type"] == "image/png"


def test_sizes_kept_in_content_types_are_not_shown(cluster: Cluster) -> None:
    cluster.put("/v1/a/c/o", b"x")
    for node in cluster.primaries:
        node.items["a/c/o"].headers["Content-Type"] = "a/b;charset=x;swift_bytes=99"
    assert cluster.ask("GET", "/v1/a/c/o").headers["content-type"] == "a/b;charset=x"


def test_expiring_objects_are_queued(cluster: Cluster) -> None:
    answer = cluster.ask("PUT", "/v1/a/c/o", b"x", X_Delete_After="1000", Content_Type="a/b")
    assert answer.status == 201
    told = [node.saw("PUT")[0].headers for node in cluster.primaries]
    assert all(headers["X-Delete-At"].isdigit() for headers in told)
    assert all(len(headers["X-Delete-At-Container"]) == 10 for headers in told)
    assert told[0]["X-Delete-At-Host"] == f"127.0.0.1:{cluster.nodes[0].device.port}"
    assert [h["X-Backend-Clean-Expiring-Object-Queue"] for h in told] == ["t", "t", "f"]
    past = cluster.ask("PUT", "/v1/a/c/o", b"x", X_Delete_At="1000", Content_Type="a/b")
    assert past.status == 400


def test_next_part_power_is_told(cluster: Cluster) -> None:
    cluster.ring.next_part_power = 11
    cluster.put("/v1/a/c/o", b"x")
    assert cluster.nodes[0].saw("PUT")[0].headers["X-Backend-Next-Part-Power"] == "11"


def test_objects_need_a_container(cluster: Cluster) -> None:
    for method in ("PUT", "POST", "DELETE", "GET", "HEAD"):
        answer = cluster.ask(method, "/v1/a/none/o", b"", Content_Type="a/b")
        assert answer.status == 404, method
    assert cluster.nodes[0].saw("PUT") == []
