"""Sends lines back: line_server.py ENDPOINT"""

import sys

from twisted.internet import protocol, reactor
from twisted.protocols.basic import LineReceiver

import common


class Echo(LineReceiver):
    def lineReceived(self, line):
        self.sendLine(line)


common.begin()
common.listen(sys.argv[1], protocol.Factory.forProtocol(Echo))
reactor.run()
