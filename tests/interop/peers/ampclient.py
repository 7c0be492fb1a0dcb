"""Twisted's ampclient: ampclient.py PORT"""

import sys

from twisted.internet import defer, reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.protocols.amp import AMP

import common
from ampserver import Divide, Sum

common.begin()
destination = TCP4ClientEndpoint(reactor, "127.0.0.1", int(sys.argv[1]))

total = connectProtocol(destination, AMP())
total.addCallback(lambda remote: remote.callRemote(Sum, a=13, b=81))
total.addCallback(lambda result: result["total"])


def trap_zero(failure):
    failure.trap(ZeroDivisionError)
    print("Divided by zero: returning INF")
    return 1e1000


quotient = connectProtocol(destination, AMP())
quotient.addCallback(lambda remote: remote.callRemote(Divide, numerator=1234, denominator=0))
quotient.addErrback(trap_zero)


def done(result):
    print("Done with math:", result)
    common.stop()


defer.gatherResults([total, quotient]).addCallbacks(done, common.failed)
reactor.run()
