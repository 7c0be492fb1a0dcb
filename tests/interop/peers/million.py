"""
Sends a million lines to an echo server and checks what comes back:
million.py ENDPOINT
"""

import sys

from twisted.internet import protocol, reactor
from twisted.protocols.basic import LineReceiver

import common

MILLION = 1_000_000


class Million(LineReceiver):
    count = 0

    def connectionMade(self):
        for start in range(0, MILLION, 1000):
            numbers = range(start, start + 1000)
            self.transport.write(b"".join(b"line %d\r\n" % number for number in numbers))

    def lineReceived(self, line):
        if line != b"line %d" % self.count:
            common.give_up(f"{line!r} is not line {self.count}")
        self.count += 1
        if self.count == MILLION:
            self.transport.loseConnection()

    def connectionLost(self, reason):
        print(f"{self.count} lines, {reason.type.__name__}")
        common.stop()


common.begin()
common.connect(sys.argv[1], protocol.Factory.forProtocol(Million))
reactor.run()
