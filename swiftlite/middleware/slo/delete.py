"""Deleting a large object with its segments: now, one by one, or left to the object expirer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import md5

from swiftlite.config.units import is_true
from swiftlite.formats.expirer_task import ACCOUNT, ASYNC_DELETE_TYPE, task_container
from swiftlite.formats.slo_manifest import Segment
from swiftlite.infocache import get_container_info
from swiftlite.middleware.bulk.delete import NOT_FOUND, DeleteRules, Deletion
from swiftlite.middleware.bulk.progress import Progress
from swiftlite.middleware.bulk.report import Report, report_type
from swiftlite.middleware.segments import DEPTH_MAX, RAW, SegmentUnusable, object_path
from swiftlite.middleware.slo.get import stored_segments
from swiftlite.middleware.slo.options import SOURCE, Setting
from swiftlite.vocab.names import quote_path, text_to_wsgi
from swiftlite.vocab.status import is_success
from swiftlite.vocab.timestamp import Timestamp
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.subrequest import make_preauthed, make_subrequest, send

AGENT = "%(orig)s SLO MultipartDELETE"
ROOT = "delete"
_NO_BYTES_ETAG = md5(b"", usedforsecurity=False).hexdigest()


def delete(request: Request, setting: Setting, params: dict[str, str]) -> Response:
    """Answer a `multipart-manifest=delete`. Raises Refusal, SegmentUnusable."""
    place = object_path(request)
    if place is None:
        raise Refusal(400, "multipart-manifest=delete needs the path of an object.")
    account_path, container, obj = place
    whole = _LargeObject(request, setting, account_path)
    name = f"/{container}/{obj}"
    if is_true(params.get("async", "")) and setting.options.allow_async_delete:
        return whole.leave_to_expirer(whole.segments_of(name), name)
    shape = report_type(request.get_header("Accept"))
    rules = DeleteRules(concurrency=setting.options.delete_concurrency, source=SOURCE, agent=AGENT)
    deletion = Deletion(setting.app, request.environ, account_path, rules, setting.host)

    def work() -> bytes:
        return _run(deletion, whole, name, setting, request).render(shape, ROOT)

    body = Progress(setting.host, work, shape, setting.options.yield_frequency)
    return Response(200, {"Content-Type": shape}, app_iter=body)


def _run(
    deletion: Deletion, whole: _LargeObject, name: str, setting: Setting, request: Request
) -> Report:
    """Delete and report; raises nothing."""
    report = deletion.report
    try:
        return deletion.run(whole.names(name))
    except NoManifest as error:
        if error.status == 404 and error.name == name:
            report.counts[NOT_FOUND] += 1
        else:
            report.fail(quote_path(error.name), str(error))
        return report
    except SegmentUnusable as error:
        setting.log.warning(f"{error} ({request.trans_id})")
        status = 502 if error.status >= 500 else 400
        report.status, report.body = status, "A manifest cannot be read."
        return report
    except Exception:
        # The edge of a task of its own: nobody else would hear of it.
        setting.log.exception(f"deletion of a large object ({request.trans_id})")
        report.status = 500
        return report


class NoManifest(Refusal):
    """A manifest that is to be deleted with its segments is none, or cannot be had."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(status, message)
        self.name = name

    def __str__(self) -> str:
        return self.message or ""


class _LargeObject:
    """The manifests of one large object, as its deletion finds them."""

    def __init__(self, request: Request, setting: Setting, account_path: str) -> None:
        self._request = request
        self._setting = setting
        self._account_path = account_path

    def segments_of(self, name: str) -> list[Segment]:
        """The segments of a manifest. Raises Refusal when it cannot be had, or is none."""
        request = make_subrequest(
            self._request.environ,
            "GET",
            self._account_path + name,
            query=RAW,
            source=SOURCE,
            agent=AGENT,
        )
        response = send(self._setting.app, request)
        status = response.status_int
        if is_success(status) and is_true(response.get_header("X-Static-Large-Object")):
            return stored_segments(response)
        response.discard_body()
        if is_success(status):
            raise NoManifest(400, name, "Not an SLO manifest")
        if status in (401, 403, 404):
            raise NoManifest(status, name, response.status)
        raise NoManifest(503, name, f"Unable to load SLO manifest: {response.status}")

    def names(self, name: str) -> Iterator[str]:
        """Every object below a manifest, each once, and the manifest after them."""
        yield from self._below(name, 1, {name})
        yield name

    def _below(self, name: str, depth: int, seen: set[str]) -> Iterator[str]:
        if depth > DEPTH_MAX:
            raise NoManifest(400, name, "The manifests are nested too deeply.")
        for segment in self.segments_of(name):
            if segment.data is not None or segment.name in seen:
                continue
            seen.add(segment.name)
            if segment.is_manifest:
                yield from self._below(segment.name, depth + 1, seen)
            yield segment.name

    def leave_to_expirer(self, segments: list[Segment], name: str) -> Response:
        """Queue the segments' deletion, and delete the manifest. Raises Refusal."""
        stored = [segment for segment in segments if segment.data is None]
        if any(segment.is_manifest for segment in stored):
            raise Refusal(400, "No segments may be large objects.")
        containers = {segment.name.split("/")[1] for segment in stored}
        if len(containers) > 1:
            raise Refusal(400, "All segments must be in one container.")
        if stored:
            container = containers.pop()
            self._check_write_acl(stored[0], container)
            self._queue(container, [segment.name.split("/", 2)[2] for segment in stored])
        request = make_subrequest(
            self._request.environ,
            "DELETE",
            self._account_path + name,
            source=SOURCE,
            agent=AGENT,
        )
        return send(self._setting.app, request)

    def _check_write_acl(self, segment: Segment, container: str) -> None:
        """The queue asks for no rights, so they are asked for here. Raises Refusal."""
        request = make_subrequest(
            self._request.environ, "DELETE", self._account_path + segment.name, source=SOURCE
        )
        info = get_container_info(
            request.environ, self._setting.app, container=container, source=SOURCE
        )
        authorize = request.environ.get("swift.authorize")
        if authorize is None:
            return
        request.acl = info.write_acl
        refused = authorize(request)
        if refused is not None:
            raise Refusal(refused.status_int, None, _challenge(refused))

    def _queue(self, container: str, objects: list[str]) -> None:
        hash_path = self._setting.hash_path
        if hash_path is None:
            raise Refusal(503, "This proxy cannot reach the expirer's queue.")
        account = self._account_path.split("/", 2)[2]
        now = Timestamp.from_seconds(self._setting.host.clock.wall())
        queue = task_container(
            hash_path,
            int(now.seconds),
            account,
            container,
            objects[0],
            divisor=self._setting.expirer_divisor,
        )
        rows = [
            {
                "name": f"{now.normal}-{account}/{container}/{obj}",
                "created_at": now.internal,
                "size": 0,
                "content_type": ASYNC_DELETE_TYPE,
                "etag": _NO_BYTES_ETAG,
                "deleted": 0,
                "storage_policy_index": 0,
            }
            for obj in dict.fromkeys(objects)
        ]
        request = make_preauthed(
            self._request.environ,
            "UPDATE",
            f"/v1/{ACCOUNT}/{queue}",
            headers={
                "Content-Type": "application/json",
                "X-Backend-Storage-Policy-Index": "0",
                "X-Backend-Allow-Private-Methods": "True",
            },
            body=json.dumps(rows).encode(),
            source=SOURCE,
        )
        response = send(self._setting.app, request)
        response.discard_body()
        if not is_success(response.status_int):
            raise Refusal(
                503, "The segments could not be queued for deletion; nothing was deleted."
            )


def _challenge(refused: Response) -> dict[str, str]:
    told = refused.get_header("Www-Authenticate")
    return {"Www-Authenticate": text_to_wsgi(told)} if told else {}
