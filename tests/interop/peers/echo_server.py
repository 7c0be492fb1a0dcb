"""Twisted's echoserv: echo_server.py ENDPOINT"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

import common


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


common.begin()
common.listen(sys.argv[1], Factory.forProtocol(Echo))
reactor.run()
