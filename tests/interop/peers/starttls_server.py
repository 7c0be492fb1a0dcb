"""Twisted's starttls_server: starttls_server.py PEM"""

import sys
from pathlib import Path

from twisted.internet import protocol, reactor, ssl
from twisted.protocols.basic import LineReceiver

import common


class TLSServer(LineReceiver):
    def lineReceived(self, line):
        print("received:", line)
        if line == b"STARTTLS":
            print("-- Switching to TLS")
            self.sendLine(b"READY")
            self.transport.startTLS(self.factory.options)

    def connectionLost(self, reason):
        print("connection lost:", reason.type.__name__)


common.begin()
certificate = ssl.PrivateCertificate.loadPEM(Path(sys.argv[1]).read_bytes())
factory = protocol.Factory.forProtocol(TLSServer)
factory.options = certificate.options()
common.listen("tcp:0:interface=127.0.0.1", factory)
reactor.run()
