"""
Greets, and ends the connection when it has been greeted, or sees it end:
ending.py (client|server) (close|abort|wait) ENDPOINT

It says why the connection ended.
"""

import sys

from twisted.internet import protocol, reactor

import common

role, act, description = sys.argv[1:]


class Ending(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        if act == "close":
            self.transport.loseConnection()
        elif act == "abort":
            self.transport.abortConnection()

    def connectionLost(self, reason):
        print("connection lost:", reason.type.__name__)
        common.stop()


common.begin()
if role == "server":
    common.listen(description, protocol.Factory.forProtocol(Ending))
else:
    common.connect(description, protocol.Factory.forProtocol(Ending))
reactor.run()
