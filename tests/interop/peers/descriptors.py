"""
AMP with descriptors: descriptors.py server ENDPOINT, or
descriptors.py client ENDPOINT
"""

import os
import sys

from twisted.internet import defer, endpoints, reactor
from twisted.internet.protocol import Factory
from twisted.protocols import amp

import common


class Tell(amp.Command):
    """Has the other side write to what it gets."""

    arguments = [
        (b"to", amp.Descriptor()),
        (b"backwards", amp.Descriptor(optional=True)),
        (b"text", amp.Unicode()),
    ]


class Open(amp.Command):
    """Asks for pipes from which one can read what they are called."""

    arguments = [(b"names", amp.ListOf(amp.Unicode()))]
    response = [(b"rows", amp.AmpList([(b"pipe", amp.Descriptor())]))]


def write(descriptor, text):
    os.write(descriptor, text.encode())
    os.close(descriptor)


def read(descriptor):
    """What comes until all the other ends are closed."""
    with open(descriptor) as file:
        return file.read()


class Peer(amp.AMP):
    @Tell.responder
    def tell(self, to, text, backwards=None):
        write(to, text)
        if backwards is not None:
            write(backwards, text[::-1])
        return {}

    @Open.responder
    def open(self, names):
        # These stay open: when they have gone, nobody says.
        readers, writers = zip(*(os.pipe() for _ in names))
        for writer, name in zip(writers, names):
            write(writer, name)
        return {"rows": [{"pipe": reader} for reader in readers]}


async def tell(peer, number):
    (heard, to), (drawkcab, backwards) = os.pipe(), os.pipe()
    text = f"call {number}"
    await peer.callRemote(Tell, to=to, backwards=backwards, text=text)
    os.close(to)
    os.close(backwards)
    assert (read(heard), read(drawkcab)) == (text, text[::-1])


async def opened(peer, number):
    names = [f"{number}", f"{number} again"]
    answer = await peer.callRemote(Open, names=names)
    assert [read(row["pipe"]) for row in answer["rows"]] == names


async def client(description):
    endpoint = endpoints.clientFromString(reactor, description)
    peer = await endpoints.connectProtocol(endpoint, Peer())
    calls = [call(peer, number) for number in range(50) for call in (tell, opened)]
    await defer.gatherResults(map(defer.Deferred.fromCoroutine, calls))
    print(len(calls), "calls are done")
    common.stop()


common.begin()
if sys.argv[1] == "server":
    common.listen(sys.argv[2], Factory.forProtocol(Peer))
else:
    defer.Deferred.fromCoroutine(client(sys.argv[2])).addErrback(common.failed)
reactor.run()
