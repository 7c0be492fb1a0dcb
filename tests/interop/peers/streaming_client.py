"""
A client of Twisted's streaming, which has none of its own:
streaming_client.py PORT COUNT

It stops reading at the first number, until it is told to go on.
"""

import sys

from twisted.internet import protocol, reactor
from twisted.protocols.basic import LineReceiver

import common


class StreamingClient(LineReceiver):
    wanted = int(sys.argv[2])
    count = 0
    asked = False

    def lineReceived(self, line):
        if not self.asked:
            print(line.decode())
            self.asked = True
            return self.sendLine(b"%d" % self.wanted)
        assert 0 <= int(line) < 10000
        self.count += 1
        if self.count == 1:
            print("paused")
            self.factory.paused = self
            self.pauseProducing()

    def connectionLost(self, reason):
        print(f"{self.count} numbers, {reason.type.__name__}")
        common.stop()


factory = protocol.Factory.forProtocol(StreamingClient)
common.begin(told=lambda _: factory.paused.resumeProducing())
common.connect(f"tcp:127.0.0.1:{sys.argv[1]}", factory)
reactor.run()
