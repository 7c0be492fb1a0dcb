"""Twisted's simpleclient: simple_client.py PORT"""

import sys

from twisted.internet import protocol, reactor

import common


class EchoClient(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(b"hello, world!")

    def dataReceived(self, data):
        print("Server said:", data)
        self.transport.loseConnection()

    def connectionLost(self, reason):
        print("connection lost")


class EchoFactory(protocol.ClientFactory):
    protocol = EchoClient

    def clientConnectionFailed(self, connector, reason):
        print("Connection failed - goodbye!")
        common.stop()

    def clientConnectionLost(self, connector, reason):
        print("Connection lost - goodbye!")
        common.stop()


common.begin()
reactor.connectTCP("localhost", int(sys.argv[1]), EchoFactory())
reactor.run()
