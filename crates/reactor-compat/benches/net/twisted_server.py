"""Twisted's servers."""

import sys
import threading

from twisted.internet import protocol, reactor


class Echo(protocol.Protocol):
    def connectionMade(self):
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data):
        self.transport.write(data)


class Sink(protocol.Protocol):
    pass


class Source(protocol.Protocol):
    data = b"x" * 65536

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, False)

    def resumeProducing(self):
        self.transport.write(self.data)

    def stopProducing(self):
        pass


roles = {"echo": Echo, "sink": Sink, "source": Source, "flooded": Echo}
factory = protocol.Factory.forProtocol(roles[sys.argv[1]])
factory.noisy = False
port = reactor.listenTCP(0, factory, backlog=4096, interface="127.0.0.1")
print(port.getHost().port, flush=True)


def flood():
    while reactor.running:
        reactor.callFromThread(lambda: None)


if sys.argv[1] == "flooded":
    for _ in range(2):
        reactor.callWhenRunning(threading.Thread(target=flood, daemon=True).start)
reactor.run()
