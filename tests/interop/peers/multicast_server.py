"""Twisted's MulticastServer: multicast_server.py"""

from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol

import common


class MulticastPingPong(DatagramProtocol):
    def startProtocol(self):
        self.transport.setTTL(5)
        joined = self.transport.joinGroup("228.0.0.5", "127.0.0.1")
        joined.addCallbacks(self.ready, common.failed)

    def ready(self, _):
        print(f"listening on 127.0.0.1:{self.transport.getHost().port}")

    def datagramReceived(self, datagram, address):
        if datagram == b"Client: Ping":
            self.transport.write(b"Server: Pong", address)


common.begin()
reactor.listenMulticast(0, MulticastPingPong(), listenMultiple=True)
reactor.run()
