"""
Answers, or asks an AMP server: amp.py server ENDPOINT PEM, or
amp.py client ENDPOINT (math|everything|many|starttls PEM|switch|outstanding|fatal|boom)
"""

import os
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from twisted.internet import defer, endpoints, reactor, ssl
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.protocols import amp
from twisted.python.filepath import FilePath

import common
from ampserver import Divide, Sum


class Slow(amp.Command):
    """Is never answered."""


class Die(amp.Command):
    """Has the other side go away."""


class BeEcho(amp.ProtocolSwitchCommand):
    """Has the other side become an echo server."""


class Nonsense(amp.Command):
    """Is known to neither side."""


class Fatal(amp.Command):
    """Fails, and ends the connection."""

    fatalErrors = {ValueError: b"FATAL"}


class Boom(amp.Command):
    """Fails with an error that it does not declare."""


TYPES = [
    (b"integer", amp.Integer()),
    (b"string", amp.String()),
    (b"unicode", amp.Unicode()),
    (b"boolean", amp.Boolean()),
    (b"float", amp.Float()),
    (b"decimal", amp.Decimal()),
    (b"time", amp.DateTime()),
    (b"path", amp.Path()),
    (b"numbers", amp.ListOf(amp.Integer())),
    (b"rows", amp.AmpList([(b"x", amp.Integer()), (b"y", amp.Unicode(optional=True))])),
    (b"missing", amp.Integer(optional=True)),
]


class Everything(amp.Command):
    arguments = response = TYPES


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Peer(amp.AMP):
    @Sum.responder
    def sum(self, a, b):
        return {"total": a + b}

    @Divide.responder
    def divide(self, numerator, denominator):
        return {"result": numerator / denominator}

    @Slow.responder
    def slow(self):
        return defer.Deferred()

    @Die.responder
    def die(self):
        os._exit(0)

    @Fatal.responder
    def fatal(self):
        raise ValueError("that was it")

    @Boom.responder
    def boom(self):
        common.forgive()
        raise KeyError("nobody foresaw it")

    @Everything.responder
    def everything(self, **fields):
        return fields

    @BeEcho.responder
    def be_echo(self):
        return Echo()

    @amp.StartTLS.responder
    def start_tls(self):
        pem = Path(sys.argv[3]).read_bytes()
        return {"tls_localCertificate": ssl.PrivateCertificate.loadPEM(pem)}


async def in_flight(peer, numbers):
    calls = [peer.callRemote(Sum, a=number, b=1) for number in numbers]
    answers = await defer.gatherResults(calls)
    assert [answer["total"] for answer in answers] == [number + 1 for number in numbers]


async def math(peer):
    assert await peer.callRemote(Sum, a=-(10**300), b=1) == {"total": 1 - 10**300}
    assert await peer.callRemote(Divide, numerator=1, denominator=3) == {"result": 1 / 3}
    try:
        await peer.callRemote(Divide, numerator=1, denominator=0)
    except ZeroDivisionError:
        print("divided by zero")
    await in_flight(peer, range(1000))


def extremes():
    east = timezone(timedelta(hours=23, minutes=59))
    yield {
        "integer": -(10**4000),
        "string": bytes(range(256)),
        "unicode": "\U0001f600\0",
        "boolean": True,
        "float": 5e-324,
        "decimal": Decimal("-1.50E-9"),
        "time": datetime(9999, 12, 31, 23, 59, 59, 999999, east),
        "path": FilePath("/tmp/\u00e9"),
        "numbers": [0, 2**63 - 1, -(2**63)],
        "rows": [{"x": 1, "y": "a"}, {"x": 2, "y": None}],
        "missing": None,
    }
    yield {
        "integer": 0,
        "string": b"x" * 65535,
        "unicode": "",
        "boolean": False,
        "float": float("-inf"),
        "decimal": Decimal("NaN"),
        "time": datetime(1, 1, 1, tzinfo=timezone(-timedelta(hours=23, minutes=59))),
        "path": FilePath("/"),
        "numbers": [],
        "rows": [],
        "missing": -1,
    }


def shown(fields):
    # What is not a number equals nothing, not even itself; and the time zones
    # are of two kinds that display differently.
    shown = {name: str(value) for name, value in fields.items()}
    return shown | {"time": fields["time"].isoformat()}


async def everything(peer):
    for fields in extremes():
        answer = await peer.callRemote(Everything, **fields)
        assert shown(answer) == shown(fields), answer


class Hear(Protocol):
    """Says hello, and is done when it comes back."""

    heard = b""

    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        self.heard += data
        if self.heard == b"hello":
            self.factory.done.callback(None)


async def switch(peer):
    await in_flight(peer, range(10))
    factory = ClientFactory.forProtocol(Hear)
    factory.done = defer.Deferred()
    await peer.callRemote(BeEcho, factory)
    await factory.done


async def many(peer):
    for start in range(0, 100_000, 1000):
        await in_flight(peer, range(start, start + 1000))


async def starttls(peer, pem):
    await in_flight(peer, range(10))
    authority = ssl.Certificate.loadPEM(Path(pem).read_bytes())
    started = peer.callRemote(amp.StartTLS, tls_verifyAuthorities=[authority])
    meanwhile = defer.Deferred.fromCoroutine(in_flight(peer, range(100)))
    await started
    await meanwhile
    await in_flight(peer, range(1000))
    print("secure:", ISSLTransport.providedBy(peer.transport))
    print("it is", peer.peerCertificate == authority)
    await switch(peer)


async def fatal(peer):
    try:
        await peer.callRemote(Nonsense)
    except amp.UnhandledCommand:
        print("UnhandledCommand")
    try:
        await peer.callRemote(Fatal)
    except ValueError as error:
        print("ValueError:", error)


async def boom(peer):
    try:
        await peer.callRemote(Boom)
    except amp.UnknownRemoteError:
        print("UnknownRemoteError")


async def outstanding(peer):
    calls = [peer.callRemote(Slow) for _ in range(100)] + [peer.callRemote(Die)]
    results = await defer.DeferredList(calls, consumeErrors=True)
    for name, count in Counter(result.type.__name__ for _, result in results).items():
        print(count, name)


async def client(description, name, *arguments):
    endpoint = endpoints.clientFromString(reactor, description)
    peer = await endpoints.connectProtocol(endpoint, Peer())
    await globals()[name](peer, *arguments)
    print(name, "is done")
    common.stop()


common.begin()
if sys.argv[1] == "server":
    common.listen(sys.argv[2], Factory.forProtocol(Peer))
else:
    defer.Deferred.fromCoroutine(client(*sys.argv[2:])).addErrback(common.failed)
reactor.run()
