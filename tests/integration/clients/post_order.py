#!/usr/bin/env python3
"""post_order.py - posts the order on standard input, by Python's standard library alone.

    post_order.py URL CA [CERT KEY] <order.json

CA, CERT and KEY are PEM files. Prints the status and the body, one a line; exit status 0 when
there was an answer, whatever it was."""
import http.client
import ssl
import sys
import urllib.parse


def main():
    url = urllib.parse.urlsplit(sys.argv[1])
    context = ssl.create_default_context(cafile=sys.argv[2])
    if len(sys.argv) > 4:
        context.load_cert_chain(sys.argv[3], sys.argv[4])
    connection = http.client.HTTPSConnection(
        url.hostname, url.port, context=context, timeout=30)
    connection.request("POST", url.path, body=sys.stdin.buffer.read(),
                       headers={"Content-Type": "application/json"})
    answer = connection.getresponse()
    print(answer.status)
    print(answer.read().decode())


main()
