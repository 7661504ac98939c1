"""A process that foreign middleware has monkey-patched: its green calls and ours share one loop."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
if "before" in sys.argv:
    import eventlet
    eventlet.monkey_patch()
from swiftlite.host import green
if "after" in sys.argv:
    import eventlet
    eventlet.monkey_patch(all=False, socket=True, select=True, thread=True)
import os, threading, time, urllib.request
from swiftlite.httpd.acceptor import serve

host = green.make_host()
native = set()

class Log:
    def debug(self, message): print(message)
    warning = error = exception = debug

def back(environ, start_response):
    native.add(host.tasks.offload("sda", real_thread))
    start_response("200 OK", [])
    return [b"from the back"]

def real_thread():
    return os.readlink("/proc/thread-self")

def front(environ, start_response):
    # What a token middleware does: a blocking library call, a lock, a pause.
    with lock:
        time.sleep(0.01)
        body = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).read()
    start_response("200 OK", [])
    return [body]

lock = threading.Lock()
back_listener = host.net.listen(("127.0.0.1", 0))
port = back_listener.address[1]
front_listener = host.net.listen(("127.0.0.1", 0))
listeners = {back_listener: back, front_listener: front}
servers = [serve(each, app, host=host, log=Log()) for each, app in listeners.items()]

def ask():
    stream = host.net.connect(front_listener.address, 10)
    stream.deadline = host.clock.monotonic() + 20
    stream.send_all(b"GET / HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n")
    data = b""
    while block := stream.recv(65536):
        data += block
    stream.close()
    return data

tasks = [host.tasks.spawn(ask) for _ in range(5)]
assert all(task.wait().endswith(b"from the back") for task in tasks)
for server in servers:
    assert server.drain(host.clock.monotonic() + 10)
assert native and real_thread() not in native
print("well")
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_monkey_patched_process_serves(when: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", SCRIPT, when],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith("well")
