"""
Says a line to an echo server, by way of a SOCKS server, with PySocks:
socks_client.py SOCKS-PORT HOST PORT

The name of the host is looked up by the server (SOCKS 4a).
"""

import sys

import socks

import common

socks_port, host, port = sys.argv[1:]
common.begin()
client = socks.socksocket()
client.settimeout(60)
client.set_proxy(socks.SOCKS4, "127.0.0.1", int(socks_port), rdns=True)
try:
    client.connect((host, int(port)))
except socks.ProxyError as error:
    print("refused:", error)
else:
    client.sendall(b"over there\n")
    print("heard:", client.makefile().readline().strip())
    client.close()
