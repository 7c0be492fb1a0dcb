"""What the peers have in common."""

import os
import sys
import threading

from twisted.internet import endpoints, reactor
from twisted.python import log


def begin(told=None):
    """
    Ends this process when the test that started it is gone, and has it fail
    if anything is logged as an error. What the test says, `told` is told.
    """

    def watch():
        # Not `sys.stdin`: it has a lock, which Python wants when it ends.
        begun = b""
        while data := os.read(0, 4096):
            *lines, begun = (begun + data).split(b"\n")
            for line in lines:
                reactor.callFromThread(told, line.decode())
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()
    log.addObserver(report)


def report(event):
    if event.get("isError"):
        print(log.textFromEventDict(event), file=sys.stderr)
        give_up("an error was logged")


def forgive():
    """What is logged from here on is what the test is about."""
    log.removeObserver(report)


def give_up(reason):
    print(f"failed: {reason}", flush=True)
    os._exit(1)


def failed(failure):
    give_up(failure.getErrorMessage())


def listen(description, factory):
    """Listens at an endpoint, and says where."""

    def listening(port):
        host = port.getHost()
        where = getattr(host, "name", None)
        print("listening on", where.decode() if where else f"{host.host}:{host.port}")
        return port

    server = endpoints.serverFromString(reactor, description)
    return server.listen(factory).addCallbacks(listening, failed)


def connect(description, factory):
    """Connects to an endpoint."""
    client = endpoints.clientFromString(reactor, description)
    return client.connect(factory).addErrback(failed)


def stop():
    if reactor.running:
        reactor.stop()
