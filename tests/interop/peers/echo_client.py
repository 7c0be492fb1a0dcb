"""Twisted's echoclient: echo_client.py ENDPOINT"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver

import common


class EchoClient(LineReceiver):
    end = b"Bye-bye!"

    def connectionMade(self):
        self.sendLine(b"Hello, world!")
        self.sendLine(b"What a fine day it is.")
        self.sendLine(self.end)

    def lineReceived(self, line):
        print("receive:", line)
        if line == self.end:
            self.transport.loseConnection()

    def connectionLost(self, reason):
        print("connection lost:", reason.type.__name__)
        common.stop()


common.begin()
common.connect(sys.argv[1], Factory.forProtocol(EchoClient))
reactor.run()
