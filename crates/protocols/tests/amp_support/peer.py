"""The real Twisted at the other end.

`peer.py server [PEM]`, `peer.py client PORT` or `peer.py tls PORT PEM`.
"""

import datetime
import decimal
import os
import sys

from twisted.internet import defer, endpoints, protocol, reactor
from twisted.protocols import amp


class Sum(amp.Command):
    arguments = [(b"a", amp.Integer()), (b"b", amp.Integer())]
    response = [(b"total", amp.Integer())]


class Divide(amp.Command):
    arguments = [(b"numerator", amp.Integer()), (b"denominator", amp.Integer())]
    response = [(b"result", amp.Float())]
    errors = {ZeroDivisionError: b"ZERO_DIVISION"}


class Fatal(amp.Command):
    fatalErrors = {ValueError: b"FATAL"}


class Boom(amp.Command):
    pass


class Slow(amp.Command):
    pass


class Die(amp.Command):
    pass


class BeEcho(amp.ProtocolSwitchCommand):
    pass


TYPES = [
    (b"integer", amp.Integer()),
    (b"string", amp.String()),
    (b"unicode", amp.Unicode()),
    (b"boolean", amp.Boolean()),
    (b"float", amp.Float()),
    (b"decimal", amp.Decimal()),
    (b"time", amp.DateTime()),
    (b"numbers", amp.ListOf(amp.Integer())),
    (b"rows", amp.AmpList([(b"x", amp.Integer()), (b"y", amp.Unicode(optional=True))])),
    (b"missing", amp.Integer(optional=True)),
]


class Everything(amp.Command):
    arguments = TYPES
    response = TYPES


class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Peer(amp.AMP):
    @Sum.responder
    def sum(self, a, b):
        return {"total": a + b}

    @Divide.responder
    def divide(self, numerator, denominator):
        return {"result": numerator / denominator}

    @Fatal.responder
    def fatal(self):
        raise ValueError("that was it")

    @Boom.responder
    def boom(self):
        raise KeyError("nobody foresaw it")

    @Slow.responder
    def slow(self):
        return defer.Deferred()

    @Die.responder
    def die(self):
        os._exit(0)

    @BeEcho.responder
    def be_echo(self):
        return Echo()

    @Everything.responder
    def everything(self, **fields):
        return fields

    @amp.StartTLS.responder
    def start_tls(self):
        from twisted.internet import ssl

        return {"tls_localCertificate": ssl.PrivateCertificate.loadPEM(read(sys.argv[2]))}


def extremes():
    zone = amp._FixedOffsetTZInfo.fromSignHoursMinutes("-", 23, 59)
    yield dict(integer=-(10**300), string=bytes(range(256)), unicode="\U0001f600\0",
               boolean=True, float=5e-324, decimal=decimal.Decimal("-1.50E-9"),
               time=datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, zone),
               numbers=[0, 2**63 - 1, -2**63], rows=[{"x": 1, "y": "a"}, {"x": 2, "y": None}],
               missing=None)
    yield dict(integer=0, string=b"x" * 65535, unicode="", boolean=False, float=float("-inf"),
               decimal=decimal.Decimal("NaN"), time=datetime.datetime(1, 1, 1, tzinfo=amp.utc),
               numbers=[], rows=[], missing=-1)


def shown(fields):
    """The fields as text: what is not a number equals nothing, not even itself."""
    return {name: str(value) for name, value in fields.items()}


class Hear(protocol.Protocol):
    """Says hello, and is done when it comes back."""

    def __init__(self, done):
        self.done, self.heard = done, b""

    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        self.heard += data
        if self.heard == b"hello":
            self.done.callback(None)


class HearFactory(protocol.ClientFactory):
    def __init__(self, done):
        self.done = done

    def buildProtocol(self, address):
        return Hear(self.done)


async def fails(kind, deferred):
    try:
        await deferred
    except kind as error:
        return error
    raise AssertionError("it should fail with %r" % kind)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def connecting(port):
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    return lambda: endpoints.connectProtocol(endpoint, Peer())


async def sums(peer, count):
    calls = [peer.callRemote(Sum, a=n, b=n) for n in range(count)]
    totals = [answer["total"] for answer in await defer.gatherResults(calls)]
    assert totals == list(range(0, 2 * count, 2)), totals


async def echoes(peer):
    done = defer.Deferred()
    await peer.callRemote(BeEcho, HearFactory(done))
    await done


async def client(port):
    connect = connecting(port)
    peer = await connect()
    assert await peer.callRemote(Sum, a=13, b=81) == {"total": 94}
    assert await peer.callRemote(Divide, numerator=1, denominator=3) == {"result": 1 / 3}
    error = await fails(ZeroDivisionError, peer.callRemote(Divide, numerator=1, denominator=0))
    assert str(error) == "division by zero", error
    await fails(amp.UnhandledCommand, peer.callRemote(Slow))
    for fields in extremes():
        answer = await peer.callRemote(Everything, **fields)
        assert shown(answer) == shown(fields), answer
    await sums(peer, 1000)

    error = await fails(ValueError, (await connect()).callRemote(Fatal))
    assert str(error) == "that was it", error
    await fails(amp.UnknownRemoteError, (await connect()).callRemote(Boom))

    await echoes(await connect())


async def tls(port, pem):
    """Turns to TLS in the middle of calls, and to another protocol under it."""
    from twisted.internet import interfaces, ssl

    authority = ssl.Certificate.loadPEM(read(pem))
    peer = await connecting(port)()
    await sums(peer, 10)
    started = peer.callRemote(amp.StartTLS, tls_verifyAuthorities=[authority])
    waiting = defer.ensureDeferred(sums(peer, 100))
    await started
    await waiting
    assert interfaces.ISSLTransport.providedBy(peer.transport)
    assert peer.peerCertificate == authority
    await sums(peer, 1000)
    await echoes(peer)


def main():
    if sys.argv[1] == "server":
        listening = reactor.listenTCP(0, protocol.Factory.forProtocol(Peer), interface="127.0.0.1")
        print(listening.getHost().port, flush=True)
        reactor.run()
        return 0
    failed = []
    play = {"client": client, "tls": tls}[sys.argv[1]]
    done = defer.Deferred.fromCoroutine(play(int(sys.argv[2]), *sys.argv[3:]))
    done.addTimeout(60, reactor)
    done.addErrback(lambda failure: failed.append(failure.getTraceback()))
    done.addBoth(lambda _: reactor.callWhenRunning(reactor.stop))
    reactor.run()
    print("".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
