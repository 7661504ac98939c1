"""The filter: gives out tokens under its own path, and says who every other request comes from.

A token makes REMOTE_USER (groups, comma-separated) and leaves the authorise callback that the
proxy calls later. Accounts under a foreign prefix are left to other filters.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from swiftlite.formats.acl import clean_container_acl
from swiftlite.host.clock import Clock
from swiftlite.middleware.factory import Filter, FilterConf
from swiftlite.middleware.tempauth.authorize import Authority, unauthorized
from swiftlite.middleware.tempauth.options import (
    DEFAULT_SCHEME,
    TempAuthOptions,
    User,
    is_operators_key,
    read_users,
    required_groups,
)
from swiftlite.middleware.tempauth.tokens import TokenMint
from swiftlite.observe.log import Log
from swiftlite.observe.statsd import Statsd
from swiftlite.vocab.names import text_to_wsgi, wsgi_quote, wsgi_to_text
from swiftlite.web.info_registry import register
from swiftlite.web.refusals import Refusal
from swiftlite.web.request import Request
from swiftlite.web.response import Response
from swiftlite.web.wsgi import Environ, StartResponse, WsgiApp

KNOWN_TOKENS_MAX = 2048  # tokens whose signature was found right, kept in memory alone
_NO_KEY = "\0 nobody's key"


class TempAuth:
    """WSGI filter; users: by `account:name`."""

    def __init__(
        self,
        app: WsgiApp,
        options: TempAuthOptions,
        users: dict[str, User],
        authority: Authority,
        mint: TokenMint,
        *,
        clock: Clock,
        log: Log,
        statsd: Statsd,
    ) -> None:
        self.app = app
        self.options = options
        self.users = users
        self.authority = authority
        self.mint = mint
        self.clock = clock
        self.log = log
        self.statsd = statsd
        self.prefixes = options.reseller_prefix
        self.prefix = self.prefixes[0]
        self._known: dict[str, tuple[int, str]] = {}  # token to its end and its groups
        self._remote_users = {
            name: text_to_wsgi(",".join(user.all_groups(self.prefixes)))
            for name, user in users.items()
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if self.options.allow_overrides and environ.get("swift.authorize_override"):
            return self.app(environ, start_response)
        path: str = environ["PATH_INFO"]
        if path.startswith(self.options.auth_prefix):
            return self._give_token(Request(environ))(environ, start_response)
        token = environ.get("HTTP_X_AUTH_TOKEN") or environ.get("HTTP_X_STORAGE_TOKEN")
        s3 = environ.get("s3api.auth_details")
        if s3 or (token and token.startswith(self.prefix)):
            refusal = self._identify(environ, token, s3)
            if refusal is not None:
                return refusal(environ, start_response)
        elif self._speaks_for(path):
            self._leave_callback(environ)
        elif "swift.authorize" not in environ:
            environ["swift.authorize"] = self.authority.denied
        return self.app(environ, start_response)

    def _identify(self, environ: Environ, token: str | None, s3: Any) -> Response | None:  # noqa: ANN401  # s3api's dict
        """Put the groups of the token (or signature) in the environ; a Response refuses it."""
        if s3:
            remote_user = self._signed_user(environ, s3)
        else:
            remote_user = self._groups_of_token(environ, token or "")
        if remote_user:
            service = environ.get("HTTP_X_SERVICE_TOKEN")
            also = self._groups_of_token(environ, service) if service else None
            if also:
                remote_user = f"{remote_user},{also}"
            environ["REMOTE_USER"] = remote_user
            self._leave_callback(environ)
            if ".reseller_admin" in remote_user and ".reseller_admin" in remote_user.split(","):
                environ["reseller_request"] = True
            return None
        if self.prefix and not s3:
            # A token with our prefix is ours to refuse; nobody else will know it better.
            self.statsd.increment("unauthorized")
            return unauthorized(environ)
        if s3 or "swift.authorize" not in environ:
            environ["swift.authorize"] = self.authority.denied
        return None

    def _groups_of_token(self, environ: Environ, token: str) -> str | None:
        """The groups behind a token as REMOTE_USER has them; None when it is no good.

        What is not signed by us may be a token of an OpenStack Swift proxy beside this one, which
        keeps its tokens in the memcached that both use.
        """
        known = self._known.get(token)
        if known is not None and known[0] > self.clock.wall():
            return known[1]
        held = self.mint.read(token)
        if held is not None:
            remote_user = self._remote_users[held.user.full_name]
            if len(self._known) >= KNOWN_TOKENS_MAX:
                self._known.clear()
            self._known[token] = (held.expires, remote_user)
            return remote_user
        cache = environ.get("swift.cache")
        if cache is None or not getattr(cache, "shared", False):
            return None
        stored = cache.get(f"{self.prefix}/token/{token}")
        match stored:
            case [int() | float() as expires, str() as groups] if expires > self.clock.wall():
                return text_to_wsgi(groups)
        return None

    def _signed_user(self, environ: Environ, s3: Any) -> str | None:  # noqa: ANN401  # s3api's dict
        """The groups of a user whose key made the request's S3 signature."""
        name = s3.get("access_key", "")
        user = self.users.get(name)
        check = s3.get("check_signature")
        if user is None or check is None or not check(user.key):
            return None
        account = text_to_wsgi(unquote(user.account_id(self.prefix)))
        environ["PATH_INFO"] = environ["PATH_INFO"].replace(text_to_wsgi(name), account, 1)
        environ.pop("RAW_PATH_INFO", None)
        return self._remote_users[name]

    def _leave_callback(self, environ: Environ) -> None:
        environ["swift.authorize"] = self.authority.authorize
        environ["swift.clean_acl"] = clean_container_acl

    def _speaks_for(self, path: str) -> bool:
        """Whether an account of a named prefix of ours is in the path."""
        segments = path.split("/", 3)
        return len(segments) > 2 and bool(self.authority.prefix_of(segments[2]))

    def _give_token(self, request: Request) -> Response:
        """The answer to GET of our own path: a token, or why there is none."""
        try:
            if request.verb != "GET":
                raise Refusal(405, "Tokens are asked for with GET.", {"Allow": "GET"})
            user = self._authenticated(request)
        except Refusal as refusal:
            if refusal.status == 401:
                self.statsd.increment("token_denied")
            return refusal.response()
        token, expires = self.mint.issue(user)
        seconds = expires - int(self.clock.wall())
        cache = request.environ.get("swift.cache")
        if cache is not None and getattr(cache, "shared", False):
            groups = wsgi_to_text(self._remote_users[user.full_name])
            cache.set(f"{self.prefix}/token/{token}", (expires, groups), time=seconds)
        return Response(
            200,
            {
                "X-Auth-Token": token,
                "X-Storage-Token": token,
                "X-Auth-Token-Expires": str(seconds),
                "X-Storage-Url": self._storage_url(request, user),
            },
        )

    def _authenticated(self, request: Request) -> User:
        """The user whose name and key the request has. Raises Refusal."""
        segments = request.path_text[len(self.options.auth_prefix) :].rstrip("/").split("/")
        realm = "unknown"
        match segments:
            case ["v1", realm, "auth"]:
                bare = _header(request, "X-Storage-User")
                name = f"{realm}:{bare}" if bare else _header(request, "X-Auth-User")
                key = _header(request, "X-Storage-Pass", "X-Auth-Key")
                if name.partition(":")[0] != realm:
                    raise self._denied(realm, "The user's account is not that of the path.")
            case ["v1" | "v1.0" | "auth"]:
                name = _header(request, "X-Auth-User", "X-Storage-User")
                key = _header(request, "X-Auth-Key", "X-Storage-Pass")
            case _:
                status = 404 if segments == [""] else 400
                raise Refusal(status, f"Ask for a token at {self.options.auth_prefix}v1.0.")
        account, colon, user_name = name.partition(":")
        if not (account and colon and user_name):
            raise self._denied(realm, "X-Auth-User must be of the form <account>:<user>.")
        if not key:
            raise self._denied(account, "X-Auth-Key must hold the user's key.")
        user = self.users.get(name) or self.users.get(unquote(name))
        expected = _NO_KEY if user is None else user.key
        right = hmac.compare_digest(_bytes(key), _bytes(expected))
        if user is None or not right:
            raise self._denied(account, "There is no such user, or the key is wrong.")
        return user

    def _denied(self, account: str, message: str) -> Refusal:
        realm = wsgi_quote(text_to_wsgi(account))
        return Refusal(401, message, {"Www-Authenticate": f'Swift realm="{realm}"'})

    def _storage_url(self, request: Request, user: User) -> str:
        url = user.storage_url(self.prefix).replace("$HOST", _host_url(request.environ))
        if self.options.storage_url_scheme != DEFAULT_SCHEME:
            url = f"{self.options.storage_url_scheme}:{url.partition(':')[2]}"
        return text_to_wsgi(url)


def _header(request: Request, *names: str) -> str:
    """The first of several headers that is there, as text. Refusal 400 when it is not UTF-8."""
    for name in names:
        if value := request.text_header(name):
            return value
    return ""


def _host_url(environ: Environ) -> str:
    host = environ.get("HTTP_HOST")
    if not host:
        host = f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', 80)}"
    return f"{environ.get('wsgi.url_scheme', 'http')}://{host}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Filter:
    conf = FilterConf(TempAuthOptions.SECTION, global_conf, local_conf)
    options = conf.options(TempAuthOptions, dynamic=is_operators_key)
    users = read_users(local_conf, where=conf.where)
    prefixes = options.reseller_prefix
    required = required_groups(prefixes, options.require_group, local_conf)
    host, log = conf.host, conf.log()
    statsd = conf.statsd(f"tempauth.{prefixes[0].rstrip('_') or 'NONE'}")
    if options.token_secret:
        secret = options.token_secret.encode("utf-8")
    else:
        hash_path = conf.cluster.hash_path
        secret = hash_path.prefix + b"\0" + hash_path.suffix
    mint = TokenMint(prefixes[0], secret, users, options.token_life, host.clock)
    register("tempauth", account_acls=True)

    def make(app: WsgiApp) -> TempAuth:
        authority = Authority(app, required, log=log, statsd=statsd)
        return TempAuth(
            app, options, users, authority, mint, clock=host.clock, log=log, statsd=statsd
        )

    return make
