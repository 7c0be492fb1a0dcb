"""Twisted's ampserver: ampserver.py"""

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols import amp

import common


class Sum(amp.Command):
    arguments = [(b"a", amp.Integer()), (b"b", amp.Integer())]
    response = [(b"total", amp.Integer())]


class Divide(amp.Command):
    arguments = [(b"numerator", amp.Integer()), (b"denominator", amp.Integer())]
    response = [(b"result", amp.Float())]
    errors = {ZeroDivisionError: b"ZERO_DIVISION"}


class Math(amp.AMP):
    @Sum.responder
    def sum(self, a, b):
        total = a + b
        print(f"Did a sum: {a} + {b} = {total}")
        return {"total": total}

    @Divide.responder
    def divide(self, numerator, denominator):
        result = float(numerator) / denominator
        print(f"Divided: {numerator} / {denominator} = {result}")
        return {"result": result}


if __name__ == "__main__":
    common.begin()
    common.listen("tcp:0:interface=127.0.0.1", Factory.forProtocol(Math))
    reactor.run()
