"""Twisted's echoserv_udp: udp_echo_server.py"""

from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol

import common


class EchoUDP(DatagramProtocol):
    def datagramReceived(self, datagram, address):
        self.transport.write(datagram, address)


common.begin()
port = reactor.listenUDP(0, EchoUDP(), interface="127.0.0.1")
print(f"listening on 127.0.0.1:{port.getHost().port}")
reactor.run()
