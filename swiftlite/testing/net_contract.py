"""What every host.net.Net with a loop promises; a subclass provides a `host` and its `ip`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from swiftlite.host.bundle import Host
from swiftlite.host.conduit import Conduit
from swiftlite.host.net import ConnectFailed, DeadlinePassed, Listener, PeerGone, Stream


def _raises(kind: type[BaseException], call: Callable[..., object], *arguments: object) -> bool:
    try:
        call(*arguments)
    except kind:
        return True
    return False


@contextmanager
def _pair(host: Host, ip: str) -> Iterator[tuple[Stream, Stream]]:
    """A client's and a server's end of one connection."""
    listener = host.net.listen((ip, 0))
    accepting = host.tasks.spawn(listener.accept)
    client = host.net.connect(listener.address, 5.0)
    server = accepting.wait()
    try:
        yield client, server
    finally:
        client.close()
        server.close()
        listener.close()


def _read(stream: Stream, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = stream.recv(count - len(found))
        if not piece:
            break
        found += piece
    return found


class NetContract:
    def test_bytes_go_both_ways(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (client, server):
            client.send_all(b"question")
            assert _read(server, 8) == b"question"
            server.send_all(bytearray(b"ans"), more=True)
            server.send_all(memoryview(b"wer"))
            assert _read(client, 6) == b"answer"
            view = memoryview(bytearray(10))
            client.send_all(b"more")
            assert server.recv_into(view) in range(1, 5)
            assert client.peer[1] != 0

    def test_the_end_is_empty_bytes(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (client, server):
            client.send_all(b"last")
            client.close()
            assert _read(server, 100) == b"last"
            assert server.recv(10) == b""

    def test_sending_may_end_while_reading_goes_on(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (client, server):
            client.send_all(b"x")
            client.shutdown_sending()
            assert _read(server, 10) == b"x"
            server.send_all(b"still")
            assert _read(client, 5) == b"still"

    def test_large_data_passes_a_slow_reader(self, host: Host, ip: str) -> None:
        data = bytes(range(256)) * 16_384  # 4 MiB: more than any buffer on the way
        with _pair(host, ip) as (client, server):
            sending = host.tasks.spawn(client.send_all, data)
            host.tasks.sleep(0.01)
            assert _read(server, len(data)) == data
            sending.wait()

    def test_a_conduit_carries_large_data_past_a_slow_reader(self, host: Host, ip: str) -> None:
        data = bytes(range(256)) * 16_384
        for spliced in (True, False, True):
            conduit = host.net.conduit(spliced=spliced)
            with _pair(host, ip) as (writer, source), _pair(host, ip) as (sink, reader):
                sending = host.tasks.spawn(writer.send_all, data)

                def relay(source: Stream, sink: Stream, conduit: Conduit) -> int:
                    conduit.put(b"first ")
                    conduit.drain(sink)
                    left = len(data)
                    while left and (count := conduit.fill(source, left)):
                        conduit.drain(sink)
                        left -= count
                    return left

                relaying = host.tasks.spawn(relay, source, sink, conduit)
                host.tasks.sleep(0.01)
                assert _read(reader, len(data) + 6) == b"first " + data
                assert relaying.wait() == 0
                sending.wait()
                writer.close()
                assert conduit.fill(source, 10) == 0
            conduit.close()

    def test_a_conduit_takes_no_more_than_it_is_told(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (writer, source), _pair(host, ip) as (sink, reader):
            writer.send_all(b"0123456789")
            conduit = host.net.conduit()
            for count in (3, 4):
                assert conduit.fill(source, count) == count
                conduit.drain(sink)
            assert _read(reader, 7) == b"0123456"
            assert _read(source, 3) == b"789"
            source.idle_s = 0.01
            assert _raises(DeadlinePassed, conduit.fill, source, 5)
            conduit.close()

    def test_a_conduit_whose_sink_is_gone_gives_its_bytes_to_nobody(
        self, host: Host, ip: str
    ) -> None:
        conduit = host.net.conduit()
        with _pair(host, ip) as (writer, source), _pair(host, ip) as (sink, reader):
            reader.close()

            def send_on() -> None:
                for _ in range(1000):
                    writer.send_all(b"secret" * 10_000)
                    count = 0
                    while count < 60_000:
                        count += conduit.fill(source, 60_000 - count)
                        conduit.drain(sink)
                    host.tasks.sleep(0)

            assert _raises(PeerGone, send_on)
        conduit.close()
        with _pair(host, ip) as (writer, source), _pair(host, ip) as (sink, reader):
            writer.send_all(b"mine")
            conduit = host.net.conduit()
            conduit.fill(source, 4)
            conduit.drain(sink)
            assert reader.recv(100) == b"mine"
            conduit.close()

    def test_sending_to_a_closed_end_fails_in_the_end(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (client, server):
            server.close()

            def send_on() -> None:
                for _ in range(1000):
                    client.send_all(bytes(65_536))
                    host.tasks.sleep(0)

            assert _raises(PeerGone, send_on)

    def test_a_deadline_passes_and_the_stream_stays_usable(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (client, server):
            client.deadline = host.clock.monotonic() + 0.01
            assert _raises(DeadlinePassed, client.recv, 1)
            client.deadline = None
            server.send_all(b"late")
            assert _read(client, 4) == b"late"
            client.idle_s = 0.01
            assert _raises(DeadlinePassed, client.recv, 1)

    def test_closing_wakes_whoever_waits(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (client, _server):
            waiting = host.tasks.spawn(client.recv, 1)
            host.tasks.sleep(0.001)
            client.close()
            assert _raises(PeerGone, waiting.wait)
            assert _raises(PeerGone, client.recv, 1)
            client.close()

    def test_quiet_tells_of_bytes_and_of_the_end(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (client, server):
            assert client.quiet()
            server.send_all(b"x")
            host.tasks.sleep(0.05)
            assert not client.quiet()
            assert client.recv(10) == b"x"
            assert client.quiet()
            server.close()
            host.tasks.sleep(0.05)
            assert not client.quiet()

    def test_nobody_listens(self, host: Host, ip: str) -> None:
        listener = host.net.listen((ip, 0))
        address = listener.address
        assert not isinstance(address, str)
        assert address[0] == ip
        assert address[1] > 0
        listener.close()
        assert _raises(ConnectFailed, host.net.connect, address, 5.0)
        outcome = host.net.connect_many([address], 5.0)
        assert isinstance(outcome[0], ConnectFailed)
        assert outcome[0].address == address

    def test_an_address_in_use_is_an_oserror(self, host: Host, ip: str) -> None:
        listener = host.net.listen((ip, 0))
        assert _raises(OSError, host.net.listen, listener.address)
        listener.close()

    def test_closing_a_listener_ends_accept(self, host: Host, ip: str) -> None:
        listener: Listener = host.net.listen((ip, 0))
        waiting = host.tasks.spawn(listener.accept)
        host.tasks.sleep(0.001)
        listener.close()
        assert _raises(PeerGone, waiting.wait)
        assert _raises(PeerGone, listener.accept)

    def test_many_connections_at_once(self, host: Host, ip: str) -> None:
        listener = host.net.listen((ip, 0))

        def serve() -> None:
            for number in range(3):
                stream = listener.accept()
                stream.send_all(b"%d" % number)
                stream.close()

        serving = host.tasks.spawn(serve)
        streams = host.net.connect_many([listener.address] * 3, 5.0)
        found = set()
        for stream in streams:
            assert not isinstance(stream, ConnectFailed | DeadlinePassed)
            found.add(_read(stream, 10))
            stream.close()
        assert found == {b"0", b"1", b"2"}
        serving.wait()
        listener.close()

    def test_all_of_several_can_be_read(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (one, here), _pair(host, ip) as (two, there):
            soon = host.clock.monotonic() + 0.01
            assert not host.net.wait_all([one, two], soon)
            here.send_all(b"a")
            soon = host.clock.monotonic() + 0.01
            assert not host.net.wait_all([one, two], soon)
            there.close()  # an end is something to read, too
            assert host.net.wait_all([one, two], host.clock.monotonic() + 5.0)
            assert (one.recv(1), two.recv(1)) == (b"a", b"")
            assert host.net.wait_all([], None)

    def test_waiting_for_all_may_be_waiting_for_long(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (one, here), _pair(host, ip) as (two, there):

            def send() -> None:
                for stream in (here, there):
                    host.tasks.sleep(0.01)
                    stream.send_all(b"x")

            sending = host.tasks.spawn(send)
            assert host.net.wait_all([one, two], host.clock.monotonic() + 5.0)
            sending.wait()
            assert (one.recv(9), two.recv(9)) == (b"x", b"x")

    def test_the_first_readable_of_several(self, host: Host, ip: str) -> None:
        with _pair(host, ip) as (one, _other), _pair(host, ip) as (two, there):
            soon = host.clock.monotonic() + 0.01
            assert _raises(DeadlinePassed, host.net.wait_any, [one, two], soon)
            there.send_all(b"x")
            assert host.net.wait_any([one, two], host.clock.monotonic() + 5) is two
            assert two.recv(1) == b"x"
