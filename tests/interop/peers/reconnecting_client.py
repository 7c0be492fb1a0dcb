"""
Says a line to a server whenever there is one: reconnecting_client.py PORT

It ends when it hears a goodbye.
"""

import sys

from twisted.internet import protocol, reactor
from twisted.protocols.basic import LineReceiver

import common


class Greeter(LineReceiver):
    def connectionMade(self):
        self.factory.resetDelay()
        self.factory.count += 1
        self.sendLine(b"greeting %d" % self.factory.count)

    def lineReceived(self, line):
        print("received:", line.decode())
        if line == b"goodbye":
            self.factory.stopTrying()
            self.transport.loseConnection()


class Greeters(protocol.ReconnectingClientFactory):
    protocol = Greeter
    initialDelay = delay = 0.01
    maxDelay = 0.1
    count = 0

    def clientConnectionFailed(self, connector, reason):
        print("failed:", reason.type.__name__)
        super().clientConnectionFailed(connector, reason)

    def clientConnectionLost(self, connector, reason):
        print("lost:", reason.type.__name__)
        super().clientConnectionLost(connector, reason)
        if not self.continueTrying:
            common.stop()


common.begin()
reactor.connectTCP("127.0.0.1", int(sys.argv[1]), Greeters())
reactor.run()
