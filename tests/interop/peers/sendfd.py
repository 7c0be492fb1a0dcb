"""Twisted's sendfd: sendfd.py SOCKET FILE"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

import common


class SendFD(LineOnlyReceiver):
    def connectionMade(self):
        # Open until the other side has it.
        self.file = open(sys.argv[2], "rb")
        self.transport.sendFileDescriptor(self.file.fileno())
        self.sendLine(sys.argv[2].encode())

    def connectionLost(self, reason):
        self.file.close()


common.begin()
common.listen(f"unix:{sys.argv[1]}", Factory.forProtocol(SendFD))
reactor.run()
