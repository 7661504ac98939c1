"""The account server: accounts and the reports of their containers, over HTTP.

Says what a request means for an account; the database room does it and makes it durable.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict

from swiftlite.account.answers import account_headers, listing_response
from swiftlite.account.options import AccountServerOptions
from swiftlite.cluster.conf import ClusterConf, load
from swiftlite.config.load import options as read_options
from swiftlite.dbstore import ACCOUNT_KIND, AccountBroker, Window
from swiftlite.dbstore.account import AccountPut
from swiftlite.dbstore.facts import AccountFacts
from swiftlite.dbstore.rows import ContainerRow, container_row
from swiftlite.dbsync.databases import engine_of
from swiftlite.dbsync.rpc import ReplicateVerb
from swiftlite.dbsync.server import DatabaseServer
from swiftlite.host.bundle import Host, installed
from swiftlite.observe.log import Log
from swiftlite.observe.options import LogOptions, open_log
from swiftlite.vocab.names import is_hidden_account
from swiftlite.web.db_headers import metadata_of
from swiftlite.web.dispatch import Handler
from swiftlite.web.listing_request import listing_params, wanted_type
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.storage_paths import split_storage_path
from swiftlite.web.wsgi import WsgiApp

_DELETED = {"X-Account-Status": "Deleted"}


class AccountServer(DatabaseServer):
    """A WSGI app."""

    def __init__(
        self, host: Host, conf: ClusterConf, options: AccountServerOptions, log: Log
    ) -> None:
        self.engine = engine_of(ACCOUNT_KIND, host, conf, options, log)
        self._policy_names = {policy.index: policy.name for policy in conf.policies}
        verbs: dict[str, Handler] = {
            "PUT": self._put,
            "POST": self._post,
            "GET": self._get,
            "HEAD": self._get,
            "DELETE": self._delete,
        }
        if options.replication_server:
            verbs["REPLICATE"] = ReplicateVerb(self.engine, AccountBroker, host.clock)
        super().__init__(
            "account-server", host, conf, log, verbs, log_requests=options.log_requests
        )

    def tidy(self) -> None:
        """Close databases that are at rest."""
        self.engine.tidy()

    def close(self) -> None:
        """Close all databases."""
        self.engine.close()

    def _broker(self, device: str | None, partition: str | None, account: str) -> AccountBroker:
        digest = self.conf.hash_path.hex(account)
        return AccountBroker(self.engine, self.engine.place(str(device), str(partition), digest))

    def _metadata(self, request: Request) -> dict[str, str]:
        return metadata_of(request, "account")

    # Verbs

    def _put(self, request: Request) -> Response:
        device, partition, account, container = split_storage_path(request, 3, 4)
        assert account is not None
        broker = self._broker(device, partition, account)
        if container is not None:
            return self._put_container(request, broker, account, container)
        outcome = broker.put(
            account,
            request.timestamp,
            self._metadata(request),
            self.conf.limits,
            self.now(),
        )
        match outcome:
            case AccountPut.CREATED:
                return Response(201)
            case AccountPut.UPDATED:
                return Response(202)
            case AccountPut.RECENTLY_DELETED:
                raise Refusal(403, "Recently deleted", _DELETED)
            case AccountPut.OLDER_THAN_DELETE:
                raise Refusal(409)

    def _put_container(
        self, request: Request, broker: AccountBroker, account: str, container: str
    ) -> Response:
        """A container's report of itself."""
        timestamp = request.timestamp if request.get_header("X-Timestamp") else self.now()
        row = _reported_row(request, container)
        override = (request.get_header("X-Account-Override-Deleted") or "").lower() == "yes"
        hidden = is_hidden_account(account, self.conf.limits.auto_create_account_prefix)
        if not broker.put_container(
            row,
            even_if_deleted=override,
            create_as=(account, timestamp, self.now()) if hidden else None,
        ):
            raise Refusal(404)
        return Response(204 if row.delete_timestamp > row.put_timestamp else 201)

    def _post(self, request: Request) -> Response:
        device, partition, account = split_storage_path(request, 3, 3)
        broker = self._broker(device, partition, str(account))
        deleted = broker.post(request.timestamp, self._metadata(request), self.conf.limits)
        if deleted is not None:
            raise _gone(deleted)
        return Response(204)

    def _delete(self, request: Request) -> Response:
        device, partition, account = split_storage_path(request, 3, 3)
        deleted = self._broker(device, partition, str(account)).delete(request.timestamp)
        if deleted is not None:
            raise _gone(deleted)
        return Response(204, _DELETED)

    def _get(self, request: Request) -> Response:
        """GET, and HEAD, which lists nothing."""
        device, partition, account = split_storage_path(request, 3, 3)
        assert account is not None
        broker = self._broker(device, partition, account)
        content_type = wanted_type(request)
        if request.verb == "HEAD":
            state = broker.state()
            if state.facts.is_deleted:
                raise _gone(state.facts)
            headers = account_headers(state, self._policy_names)
            return Response(204, [*headers, ("Content-Type", f"{content_type}; charset=utf-8")])
        params = listing_params(request, self.conf.limits.account_listing_limit)
        reserved = request.true_header("X-Backend-Allow-Reserved-Names")
        fields = asdict(params) | {"path": None, "allow_reserved": reserved}
        state, entries = broker.listing(Window(**fields))
        if state.facts.is_deleted:
            raise _gone(state.facts)
        return listing_response(account, state, entries, content_type, self._policy_names)


def _gone(facts: AccountFacts) -> Refusal:
    """404 for an account that is deleted; says so if its owner deleted it."""
    return Refusal(404, headers=_DELETED if facts.is_status_deleted else None)


def _reported_row(request: Request, container: str) -> ContainerRow:
    names = ("X-Put-Timestamp", "X-Delete-Timestamp", "X-Object-Count", "X-Bytes-Used")
    values = [request.get_header(name) for name in names]
    missing = [name for name, value in zip(names, values, strict=True) if value is None]
    if missing:
        raise Refusal(400, f"A container's report needs {', '.join(missing)}.")
    put, delete, count, size = (str(value) for value in values)
    try:
        return container_row(container, put, delete, count, size, request.policy_index)
    except ValueError as error:
        raise Refusal(400, f"Invalid report of a container: {error}.") from None


def app_factory(global_conf: Mapping[str, str], **local_conf: str) -> WsgiApp:
    """The paste factory."""
    mapping = {**global_conf, **local_conf}
    where = f"{mapping.get('__file__', 'account-server.conf')} [{AccountServerOptions.SECTION}]"
    options = read_options(AccountServerOptions, mapping, where=where)
    log_options = read_options(LogOptions, mapping, where=where)
    host = installed()
    log = open_log(log_options, "account-server", wall=host.clock.wall)
    return AccountServer(host, load(os.path.abspath(options.swift_dir)), options, log)
