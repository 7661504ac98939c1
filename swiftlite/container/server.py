"""The container server: containers and the listing rows of their objects, over HTTP.

Says what a request means for a container; the database room does it and makes it durable. Rows
that arrive together are committed together: requests wait for one another's transaction.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from swiftlite.cluster.conf import ClusterConf, load
from swiftlite.cluster.rings import Rings
from swiftlite.config.load import ConfError
from swiftlite.config.load import options as read_options
from swiftlite.container import rows as row_verbs
from swiftlite.container.account_targets import targets_of
from swiftlite.container.account_update import AccountReporter, AccountTeller
from swiftlite.container.answers import (
    ABSENT_HEADERS,
    container_headers,
    listing_response,
    state_headers,
)
from swiftlite.container.options import ContainerServerOptions
from swiftlite.container.sync.store import concerns_sync, update_link
from swiftlite.container.sync.target import check_sync_target
from swiftlite.dbstore import CONTAINER_KIND, ContainerBroker, Window
from swiftlite.dbstore.broker import Broker
from swiftlite.dbstore.container import Changed, Outcome, Put
from swiftlite.dbstore.errors import DatabaseMissing
from swiftlite.dbstore.facts import ContainerFacts
from swiftlite.dbstore.rows import ObjectRow
from swiftlite.dbsync.databases import engine_of
from swiftlite.dbsync.rpc import ReplicateVerb
from swiftlite.dbsync.server import DatabaseServer
from swiftlite.formats.sync_realms import FILE_NAME as SYNC_REALMS
from swiftlite.formats.sync_realms import SyncRealms, parse_sync_realms
from swiftlite.host.bundle import Host, installed
from swiftlite.observe.log import Log
from swiftlite.observe.options import LogOptions, open_log
from swiftlite.peers.pool import Pool
from swiftlite.vocab.names import is_hidden_account
from swiftlite.web.db_headers import metadata_of
from swiftlite.web.dispatch import Handler
from swiftlite.web.listing_request import listing_params, wanted_type
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.storage_paths import split_storage_path
from swiftlite.web.wsgi import HeaderList, WsgiApp

SAVED_HEADERS = (
    "X-Container-Read",
    "X-Container-Write",
    "X-Container-Sync-Key",
    "X-Container-Sync-To",
)
_POLICY = "X-Backend-Storage-Policy-Index"
_OFFER = "X-Backend-Swiftlite"
_LARGE_LISTING = 500  # entries above which rendering leaves the event loop
_LARGE_BODY = 131_072  # bytes of rows above which reading them does


class ContainerServer(DatabaseServer):
    """A WSGI app."""

    def __init__(
        self,
        host: Host,
        conf: ClusterConf,
        rings: Rings,
        options: ContainerServerOptions,
        realms: SyncRealms,
        log: Log,
    ) -> None:
        self._allowed_sync_hosts = options.allowed_sync_hosts
        self._realms = realms
        versions = ("X-Versions-Location",) if options.allow_versions else ()
        self._saved = (*SAVED_HEADERS, *versions)
        self._kept = frozenset(name.lower() for name in self._saved)
        self.engine = engine_of(CONTAINER_KIND, host, conf, options, log)
        self._teller = AccountTeller(
            host,
            Pool(host, conn_timeout=options.conn_timeout, read_timeout=options.node_timeout),
            conn_timeout=options.conn_timeout,
            node_timeout=options.node_timeout,
            log=log,
        )
        self.reporter = AccountReporter(
            host,
            self._teller,
            lambda: rings.account.current(),
            interval=options.account_report_interval,
            log=log,
        )
        verbs: dict[str, Handler] = {
            "PUT": self._put,
            "POST": self._post,
            "GET": self._get,
            "HEAD": self._get,
            "DELETE": self._delete,
            "UPDATE": self._update,
        }
        if options.replication_server:
            verbs["REPLICATE"] = ReplicateVerb(
                self.engine, ContainerBroker, host.clock, self._replicated
            )
        super().__init__(
            "container-server", host, conf, log, verbs, log_requests=options.log_requests
        )

    def finish(self, request: Request, response: Response) -> None:
        """Tell a swiftlite object server that it may send many rows in one call."""
        if request.environ.get("HTTP_X_BACKEND_SWIFTLITE") == "rows":
            response.headerlist.append((_OFFER, "rows"))

    def tidy(self) -> None:
        """Close databases that are at rest."""
        self.engine.tidy()

    def close(self) -> None:
        """Close all databases."""
        self.reporter.stop()
        self.engine.close()

    def _broker(
        self, device: str | None, partition: str | None, account: str, container: str
    ) -> ContainerBroker:
        digest = self.conf.hash_path.hex(account, container)
        return ContainerBroker(self.engine, self.engine.place(str(device), str(partition), digest))

    def _requested_policy(self, request: Request) -> int | None:
        """The policy that the request names, if it names one; Refusal 400 for one unknown."""
        if request.get_header(_POLICY) is None:
            return None
        return self._known_policy(request.policy_index)

    def _known_policy(self, index: int) -> int:
        if self.conf.policies.get(index) is None:
            raise Refusal(400, f"There is no storage policy of index {index}.")
        return index

    def _is_policy(self, index: int) -> bool:
        return self.conf.policies.get(index) is not None

    def _metadata(self, request: Request) -> dict[str, str]:
        """Metadata and kept headers; Refusal 400 for a sync target that may not be used."""
        metadata = metadata_of(request, "container", self._saved)
        target = metadata.get("X-Container-Sync-To")
        if target:
            fault = check_sync_target(target, self._allowed_sync_hosts, self._realms)
            if fault is not None:
                raise Refusal(400, fault)
        return metadata

    # Verbs

    def _put(self, request: Request) -> Response:
        device, partition, account, container, obj = split_storage_path(request, 4, 5)
        assert account is not None
        assert container is not None
        broker = self._broker(device, partition, account, container)
        if obj is not None:
            policy = self._requested_policy(request) or 0
            row = row_verbs.put_row(request, obj, policy)
            self._take_rows(request, broker, account, container, [row])
            return Response(201)
        if (request.get_header("X-Backend-Record-Type") or "").lower() == "shard":
            raise Refusal(501, "This server keeps no shard ranges.")
        return self._put_container(request, broker, account, container)

    def _put_container(
        self, request: Request, broker: ContainerBroker, account: str, container: str
    ) -> Response:
        policy = self._requested_policy(request)
        put = Put(
            request.timestamp,
            policy,
            self._new_policy(request) if policy is None else policy,
            self._metadata(request),
        )
        targets = targets_of(request)
        changed = broker.put(account, container, put, self.conf.limits, self.now())
        current = {_POLICY: str(changed.facts.storage_policy_index)}
        if changed.outcome is Outcome.WRONG_POLICY:
            raise Refusal(409, headers=current)
        if changed.outcome is Outcome.NEWER_STATE:
            raise Refusal(409)
        self._keep_sync_link(broker, changed.facts)
        told = self._teller.tell(
            changed.facts,
            targets,
            trans_id=request.trans_id,
            even_if_deleted=_overrides_deleted(request),
            in_hurry=True,
        )
        if told.nobody_knows_the_account:
            raise Refusal(404)
        self.reporter.note(broker)
        return Response(201 if changed.outcome is Outcome.CREATED else 202, current)

    def _new_policy(self, request: Request) -> int:
        """The policy of a container that is made by a request that names none."""
        text = request.get_header("X-Backend-Storage-Policy-Default")
        if text is None:
            return int(self.conf.policies.default.index)
        if not (text.isascii() and text.isdigit()) or len(text) > 9:
            raise Refusal(400, f"X-Backend-Storage-Policy-Default is not a number: {text!r}")
        return self._known_policy(int(text))

    def _post(self, request: Request) -> Response:
        device, partition, account, container = split_storage_path(request, 4, 4)
        broker = self._broker(device, partition, str(account), str(container))
        changed = broker.post(
            request.timestamp,
            self._metadata(request),
            self.conf.limits,
            touch=not request.true_header("X-Backend-No-Timestamp-Update"),
        )
        if changed.outcome is Outcome.ABSENT:
            raise Refusal(404)
        self._keep_sync_link(broker, changed.facts)
        self._noted_if_unreported(broker, changed.facts)
        return Response(204)

    def _delete(self, request: Request) -> Response:
        device, partition, account, container, obj = split_storage_path(request, 4, 5)
        assert account is not None
        assert container is not None
        broker = self._broker(device, partition, account, container)
        if obj is not None:
            policy = self._requested_policy(request) or 0
            row = row_verbs.delete_row(request, obj, policy)
            self._take_rows(request, broker, account, container, [row], room=False)
            return Response(204)
        targets = targets_of(request)
        changed: Changed = broker.delete(request.timestamp)
        if changed.outcome in (Outcome.NOT_EMPTY, Outcome.NEWER_STATE):
            raise Refusal(409)
        self._keep_sync_link(broker, changed.facts)
        told = self._teller.tell(
            changed.facts,
            targets,
            trans_id=request.trans_id,
            even_if_deleted=_overrides_deleted(request),
            in_hurry=True,
        )
        self.reporter.note(broker)
        if told.nobody_knows_the_account or changed.outcome is Outcome.ABSENT:
            raise Refusal(404)
        return Response(204)

    def _update(self, request: Request) -> Response:
        """Many rows in one call; answered when all of them are durable."""
        device, partition, account, container = split_storage_path(request, 4, 4)
        assert account is not None
        assert container is not None
        if request.get_header("X-Backend-Swiftlite-Rows") is None:
            request.timestamp  # noqa: B018  # Swift's form of this verb needs one
        self._requested_policy(request)
        broker = self._broker(device, partition, account, container)
        body = request.read_body(row_verbs.BATCH_BYTES)
        if len(body) < _LARGE_BODY:
            rows = row_verbs.rows_of_body(body, self._is_policy)
        else:
            rows = self.engine.offload(broker.place, row_verbs.rows_of_body, body, self._is_policy)
        self._take_rows(request, broker, account, container, rows)
        return Response(202)

    def _take_rows(
        self,
        request: Request,
        broker: ContainerBroker,
        account: str,
        container: str,
        rows: Sequence[ObjectRow],
        *,
        room: bool = True,
    ) -> None:
        create = None
        if rows and self._creates_containers(request, account):

            def create() -> None:
                broker.create(
                    account,
                    container,
                    row_verbs.creation_time(rows),
                    rows[0].storage_policy_index,
                    {},
                    self.now(),
                )

        row_verbs.merge_or_create(broker, rows, room=room, create=create)
        self.reporter.note(broker)

    def _creates_containers(self, request: Request, account: str) -> bool:
        """Whether rows for a container that is not there make it: the cluster's own do."""
        if request.get_header("X-Backend-Auto-Create"):
            return request.true_header("X-Backend-Auto-Create")
        prefix = self.conf.limits.auto_create_account_prefix
        if account.startswith(f"{prefix}shards_"):
            return False  # only the sharder makes shards, and it says so
        return is_hidden_account(account, prefix)

    def _get(self, request: Request) -> Response:
        """GET, and HEAD, which lists nothing."""
        device, partition, account, container = split_storage_path(request, 4, 4)
        broker = self._broker(device, partition, str(account), str(container))
        content_type = wanted_type(request)
        try:
            if request.verb == "HEAD":
                return self._head(broker, content_type)
            return self._listing(request, broker, content_type)
        except DatabaseMissing:
            raise Refusal(404, headers=dict(ABSENT_HEADERS)) from None

    def _head(self, broker: ContainerBroker, content_type: str) -> Response:
        facts = broker.facts()
        headers = self._headers(broker, facts)
        headers.append(("Content-Type", f"{content_type}; charset=utf-8"))
        return Response(204, headers)

    def _listing(self, request: Request, broker: ContainerBroker, content_type: str) -> Response:
        params = listing_params(request, self.conf.limits.container_listing_limit)
        if (request.get_header("X-Backend-Record-Type") or "").lower() == "shard":
            raise Refusal(501, "This server keeps no shard ranges.")
        policy = self._requested_policy(request)
        window = Window(
            **asdict(params),
            allow_reserved=request.true_header("X-Backend-Allow-Reserved-Names"),
            include_deleted=request.true_header("X-Backend-Include-Deleted"),
        )
        facts, entries = broker.listing(window, policy)
        index = facts.storage_policy_index if policy is None else policy
        headers = [
            *self._headers(broker, facts),
            ("X-Backend-Record-Type", "object"),
            ("X-Backend-Record-Storage-Policy-Index", str(index)),
        ]
        if len(entries) < _LARGE_LISTING:
            return listing_response(facts, entries, content_type, headers)
        return self.engine.offload(
            broker.place, listing_response, facts, entries, content_type, headers
        )

    def _headers(self, broker: ContainerBroker, facts: ContainerFacts) -> HeaderList:
        """Of a container that is there; Refusal 404 with what other servers may know."""
        self._noted_if_unreported(broker, facts)
        if facts.is_deleted:
            raise Refusal(404, headers=dict(state_headers(facts)))
        return container_headers(facts, self._kept)

    def _replicated(self, broker: Broker[ObjectRow]) -> None:
        """A peer has brought rows or facts: the account may have to hear of them."""
        self.reporter.note(ContainerBroker(self.engine, broker.place))

    def _noted_if_unreported(self, broker: ContainerBroker, facts: ContainerFacts) -> None:
        if not facts.is_reported:
            self.reporter.note(broker)

    def _keep_sync_link(self, broker: ContainerBroker, facts: ContainerFacts) -> None:
        if not concerns_sync(facts):
            return
        place = broker.place
        try:
            self.engine.offload(place, update_link, self.engine.disk, place.path, facts)
        except OSError as error:
            self.log.warning(f"sync link of {place.path}: {error}; the replicator tries again")


def _overrides_deleted(request: Request) -> bool:
    return (request.get_header("X-Account-Override-Deleted") or "").lower() == "yes"


def _read_realms(swift_dir: str) -> SyncRealms:
    path = Path(swift_dir, SYNC_REALMS)
    try:
        return parse_sync_realms(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return SyncRealms()
    except (OSError, ValueError) as error:
        raise ConfError(f"{path} cannot be read: {error}") from error


def app_factory(global_conf: Mapping[str, str], **local_conf: str) -> WsgiApp:
    """The paste factory."""
    mapping = {**global_conf, **local_conf}
    where = f"{mapping.get('__file__', 'container-server.conf')} [{ContainerServerOptions.SECTION}]"
    options = read_options(ContainerServerOptions, mapping, where=where)
    log_options = read_options(LogOptions, mapping, where=where)
    host = installed()
    log = open_log(log_options, "container-server", wall=host.clock.wall)
    swift_dir = os.path.abspath(options.swift_dir)
    conf = load(swift_dir)
    rings = Rings(conf, host.clock, log=log)
    return ContainerServer(host, conf, rings, options, _read_realms(swift_dir), log)
