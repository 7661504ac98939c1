from __future__ import annotations

from swiftlite.middleware.healthcheck import Healthcheck, HealthcheckOptions
from tests.middleware.parts import Canned
from tests.web.environs import Answer, make_environ


class Files:
    def __init__(self, *paths: str) -> None:
        self.paths = set(paths)

    def exists(self, path: str) -> bool:
        return path in self.paths


def checked(app: Canned, files: Files, path: str = "") -> Healthcheck:
    return Healthcheck(app, HealthcheckOptions(disable_path=path), disk=files)  # type: ignore[arg-type]


def test_the_path_answers_ok_before_anything_else() -> None:
    app = Canned(401)
    answer = Answer(checked(app, Files()), make_environ("GET", "/healthcheck"))
    assert (answer.status, answer.body) == (200, b"OK")
    assert not app.seen


def test_other_paths_pass() -> None:
    app = Canned(204)
    for path in ("/", "/healthcheck/", "/v1/a", "/healthcheckx"):
        assert Answer(checked(app, Files()), make_environ("GET", path)).status == 204


def test_a_file_drains_this_proxy_while_it_is_there() -> None:
    files = Files("/run/disabled")
    filtered = checked(Canned(), files, "/run/disabled")
    answer = Answer(filtered, make_environ("GET", "/healthcheck"))
    assert (answer.status, answer.body) == (503, b"DISABLED BY FILE")
    files.paths.clear()
    assert Answer(filtered, make_environ("GET", "/healthcheck")).status == 200


def test_head_has_no_body() -> None:
    answer = Answer(checked(Canned(), Files()), make_environ("HEAD", "/healthcheck"))
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "2")
