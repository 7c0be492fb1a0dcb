"""Twisted's starttls_client: starttls_client.py PEM PORT"""

import sys
from pathlib import Path

from twisted.internet import protocol, reactor, ssl
from twisted.protocols.basic import LineReceiver

import common


class StartTLSClient(LineReceiver):
    def connectionMade(self):
        self.sendLine(b"plain text")
        self.sendLine(b"STARTTLS")

    def lineReceived(self, line):
        print("received:", line)
        if line == b"READY":
            self.transport.startTLS(self.factory.options)
            self.sendLine(b"secure text")
            self.transport.loseConnection()

    def connectionLost(self, reason):
        print("connection lost:", reason.type.__name__)
        common.stop()


common.begin()
authority = ssl.Certificate.loadPEM(Path(sys.argv[1]).read_bytes())
factory = protocol.Factory.forProtocol(StartTLSClient)
factory.options = ssl.optionsForClientTLS("localhost", authority)
common.connect(f"tcp:localhost:{sys.argv[2]}", factory)
reactor.run()
