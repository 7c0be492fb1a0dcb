"""
Ends a TLS connection as Twisted itself never would, when it is told to:
tls_ending.py (client|server) ENDPOINT

It answers a greeting, and reads no more, so that it hears of no close. What it is
told then is "end", to end without saying so in TLS; "reset", to reset the connection;
"read", to read on.
"""

import sys

from twisted.internet import protocol, reactor

import common

role, description = sys.argv[1:]
made = []


class Ending(protocol.Protocol):
    def connectionMade(self):
        made.append(self)

    def dataReceived(self, data):
        self.transport.pauseProducing()
        self.transport.write(b"hello")

    def connectionLost(self, reason):
        print("connection lost:", reason.type.__name__)
        common.stop()


def told(line):
    tls = made[0].transport
    tcp = tls.transport
    if line == "end":
        tcp.socket.shutdown(1)
        tls.resumeProducing()
    elif line == "reset":
        tcp.abortConnection()
    else:
        tls.resumeProducing()


common.begin(told)
if role == "server":
    common.listen(description, protocol.Factory.forProtocol(Ending))
else:
    common.connect(description, protocol.Factory.forProtocol(Ending))
reactor.run()
