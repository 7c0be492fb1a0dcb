"""
Answers each line, at a port of 127.0.0.1, until it is killed:
greeting_server.py PORT
"""

import sys

from twisted.internet import protocol, reactor
from twisted.protocols.basic import LineReceiver

import common


class Answer(LineReceiver):
    def lineReceived(self, line):
        self.sendLine(b"yes, " + line)


common.begin()
common.listen(f"tcp:{sys.argv[1]}:interface=127.0.0.1", protocol.Factory.forProtocol(Answer))
reactor.run()
