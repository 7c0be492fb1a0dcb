"""
Counts bytes, and answers when no more are to come, or asks somebody who does:
half_close.py (client|server) ENDPOINT
"""

import sys

from zope.interface import implementer

from twisted.internet import protocol, reactor
from twisted.internet.interfaces import IHalfCloseableProtocol

import common

role, description = sys.argv[1:]


@implementer(IHalfCloseableProtocol)
class Counter(protocol.Protocol):
    count = 0

    def dataReceived(self, data):
        self.count += len(data)

    def readConnectionLost(self):
        self.transport.write(b"%d" % self.count)
        self.transport.loseConnection()

    def writeConnectionLost(self):
        pass

    def connectionLost(self, reason):
        common.stop()


@implementer(IHalfCloseableProtocol)
class Asker(protocol.Protocol):
    heard = b""

    def connectionMade(self):
        self.transport.write(b"x" * 1_000_000)
        self.transport.loseWriteConnection()

    def dataReceived(self, data):
        self.heard += data

    def readConnectionLost(self):
        print("heard:", self.heard.decode())
        self.transport.loseConnection()

    def writeConnectionLost(self):
        print("write connection lost")

    def connectionLost(self, reason):
        print("connection lost:", reason.type.__name__)
        common.stop()


common.begin()
if role == "server":
    common.listen(description, protocol.Factory.forProtocol(Counter))
else:
    common.connect(description, protocol.Factory.forProtocol(Asker))
reactor.run()
