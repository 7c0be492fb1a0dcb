"""Twisted's recvfd: recvfd.py SOCKET"""

import os
import sys

from zope.interface import implementer

from twisted.internet import reactor
from twisted.internet.interfaces import IFileDescriptorReceiver
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

import common


@implementer(IFileDescriptorReceiver)
class ReceiveFD(LineOnlyReceiver):
    descriptor = None

    def fileDescriptorReceived(self, descriptor):
        self.descriptor = descriptor

    def lineReceived(self, line):
        print("Received", line)
        print("First 80 bytes are:", os.read(self.descriptor, 80))
        os.close(self.descriptor)
        self.transport.loseConnection()

    def connectionLost(self, reason):
        common.stop()


common.begin()
common.connect(f"unix:{sys.argv[1]}", Factory.forProtocol(ReceiveFD))
reactor.run()
