"""Twisted's echoclient_udp: udp_echo_client.py PORT"""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol

import common


class EchoClient(DatagramProtocol):
    strings = [b"Hello, world!", b"What a fine day it is.", b"Bye-bye!"]

    def startProtocol(self):
        self.transport.connect("127.0.0.1", int(sys.argv[1]))
        self.send()

    def send(self):
        if self.strings:
            self.transport.write(self.strings.pop(0))
        else:
            common.stop()

    def datagramReceived(self, datagram, host):
        print("Datagram received:", datagram)
        self.send()


common.begin()
reactor.listenUDP(0, EchoClient())
reactor.run()
