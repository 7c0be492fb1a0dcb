"""
Answers, or asks an AMP server: amp.py server ENDPOINT PEM, or
amp.py client ENDPOINT (math|many|starttls PEM|outstanding)
"""

import os
import sys
from collections import Counter
from pathlib import Path

from twisted.internet import defer, endpoints, reactor, ssl
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory
from twisted.protocols import amp

import common
from ampserver import Divide, Sum


class Slow(amp.Command):
    """Is never answered."""


class Die(amp.Command):
    """Has the other side go away."""


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


async def many(peer):
    for start in range(0, 100_000, 1000):
        await in_flight(peer, range(start, start + 1000))


async def starttls(peer, pem):
    await in_flight(peer, range(10))
    authority = ssl.Certificate.loadPEM(Path(pem).read_bytes())
    await peer.callRemote(amp.StartTLS, tls_verifyAuthorities=[authority])
    await in_flight(peer, range(1000))
    print("secure:", ISSLTransport.providedBy(peer.transport))
    print("it is", peer.peerCertificate == authority)


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
