"""A TCP proxy before PostgreSQL that damages one row description of the replication stream, at every connection."""
import selectors
import socket
import threading

# Schema, name and replica identity (d: the primary key) stand in this order in a Relation message, the name with a zero
# byte at its end: https://www.postgresql.org/docs/15/protocol-logicalrep-message-formats.html. No answer to a query has
# these bytes: there a length of four bytes, the first two zero, follows the name.
MARK = b"POISON\0d"
DAMAGED = b"POISON\0?"


class Damage:
    """Makes the replica identity of each marked table an unknown one, wherever the stream is cut into pieces."""

    def __init__(self):
        self.before = b""
        self.count = 0

    def __call__(self, piece: bytes) -> bytes:
        joined = self.before + piece
        self.count += joined.count(MARK)
        damaged = joined.replace(MARK, DAMAGED)[len(self.before):]
        # One byte too short to hold the mark: it is found once, when its last byte, which is the damaged one, comes.
        self.before = joined[-(len(MARK) - 1):]
        return damaged


class PoisonProxy:
    """Listens on 127.0.0.1:port, in a thread, until stop()."""

    def __init__(self, server_port: int):
        self.server_port = server_port
        self.damaged = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.wake, sleeper = socket.socketpair()
        self.selector.register(sleeper, selectors.EVENT_READ, "stop")
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while True:
            for key, _ in self.selector.select():
                if key.data == "stop":
                    return
                if key.data is None:
                    self.accept()
                elif key.fileobj.fileno() != -1:
                    self.move(key.fileobj, *key.data)

    def accept(self) -> None:
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.server_port))
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(client, selectors.EVENT_READ, (server, None))
        self.selector.register(server, selectors.EVENT_READ, (client, Damage()))

    def move(self, source: socket.socket, target: socket.socket, damage: Damage | None) -> None:
        try:
            piece = source.recv(1 << 16)
            if piece:
                if damage:
                    seen = damage.count
                    piece = damage(piece)
                    self.damaged += damage.count - seen
                target.sendall(piece)
                return
        except OSError:
            pass
        for one in (source, target):
            self.selector.unregister(one)
            one.close()

    def stop(self) -> None:
        self.wake.send(b".")
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
        self.wake.close()
