"""Twisted's MulticastClient: multicast_client.py PORT"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol

import common


class MulticastPingClient(DatagramProtocol):
    def startProtocol(self):
        self.transport.setOutgoingInterface("127.0.0.1").addCallbacks(self.ping, common.failed)

    def ping(self, _):
        self.transport.write(b"Client: Ping", ("228.0.0.5", int(sys.argv[1])))

    def datagramReceived(self, datagram, address):
        print("Datagram received:", datagram)
        common.stop()


common.begin()
reactor.listenMulticast(0, MulticastPingClient())
reactor.run()
