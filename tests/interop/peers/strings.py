"""
Sends strings to an echo server and checks what comes back, or is one:
strings.py (client|server) KIND ENDPOINT SEED

Whatever it sends it chops into pieces of few bytes, one a turn of the reactor.
"""

import random
import sys

from twisted.internet import protocol, reactor
from twisted.protocols import basic

import common

RECEIVERS = {
    "line": (basic.LineReceiver, 16384),
    "netstring": (basic.NetstringReceiver, 99999),
    "int8": (basic.Int8StringReceiver, 255),
    "int16": (basic.Int16StringReceiver, 65535),
    "int32": (basic.Int32StringReceiver, 99999),
}

role, kind, description, seed = sys.argv[1:]
Receiver, longest = RECEIVERS[kind]
chance = random.Random(f"{seed}{role}{kind}")


class Chopper:
    """A transport that sends what it is given in pieces."""

    def __init__(self, transport):
        self.transport = transport
        self.pending = bytearray()
        self.sending = False
        self.closing = False
        transport.setTcpNoDelay(True)

    def write(self, data):
        self.pending += data
        self.begin()

    def writeSequence(self, pieces):
        self.write(b"".join(pieces))

    def loseConnection(self):
        self.closing = True
        self.begin()

    def begin(self):
        if not self.sending:
            self.sending = True
            reactor.callLater(0, self.step)

    def step(self):
        self.sending = False
        if self.pending:
            size = chance.choice((1, 1, 2, 3, 5, 8, 5000))
            self.transport.write(bytes(self.pending[:size]))
            del self.pending[:size]
            self.begin()
        elif self.closing:
            self.transport.loseConnection()

    def __getattr__(self, name):
        return getattr(self.transport, name)


class Conversation(Receiver):
    def connectionMade(self):
        self.transport = Chopper(self.transport)
        self.begin()

    def send(self, item):
        if kind == "line":
            self.sendLine(item)
        else:
            self.sendString(item)

    def lineReceived(self, line):
        self.received(line)

    def stringReceived(self, string):
        self.received(string)


class Server(Conversation):
    def begin(self):
        pass

    def received(self, item):
        self.send(item)


def items():
    """Short and long ones, and those that look like what is around them."""
    if kind == "line":
        awkward = [b"", b"\r", b"\n", b"\n\r", b"\r\r", b"one\rtwo\nthree"]
    else:
        awkward = [b"", b"\0", b",", b"3:abc,", b"\0\0\0\x03", b"\r\n", b"\xff" * 9]
    letters = b"abc" if kind == "line" else bytes(range(256))
    lengths = [1, 2, 100, longest] + [chance.randrange(50) for _ in range(50)]
    made = [bytes(chance.choices(letters, k=length)) for length in lengths] + awkward
    chance.shuffle(made)
    return made


class Client(Conversation):
    def begin(self):
        self.expected = items()
        for item in self.expected:
            self.send(item)
        self.expected.reverse()

    def received(self, item):
        expected = self.expected.pop()
        if item != expected:
            common.give_up(f"{item!r} is not {expected!r}")
        if not self.expected:
            print("all came back")
            self.transport.loseConnection()

    def connectionLost(self, reason):
        print("connection lost:", reason.type.__name__)
        common.stop()


common.begin()
if role == "server":
    common.listen(description, protocol.Factory.forProtocol(Server))
else:
    common.connect(description, protocol.Factory.forProtocol(Client))
reactor.run()
