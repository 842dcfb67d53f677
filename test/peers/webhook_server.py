#!/usr/bin/python3
"""A webhook receiver for tests and the demo.

Listens on 127.0.0.1 (or --listen), on a port that it prints as its first line ("port 12345"), speaks HTTP/1.1 with keep-alive, one
thread per connection, and appends every request to a file as one JSON object per line, in the order of arrival:

    {"number", "connection", "method", "path", "headers": {name in lower case: value}, "body", "monotonic_us", "wall_us",
     "status"}

`body` is the raw body as Latin-1, so that its bytes can be had back; both times were taken when the request's first byte
had been read. The line is written before the answer goes out: who has the answer will find the line. `number` counts
requests, `connection` the TCP connections they came over, both from 1.

What is answered depends on the path (what follows it, and a query, is free: /ok/anything):

    /ok                     200
    /status/NNN             NNN
    /delay/SECONDS          200 after that long
    /hold/NAME              200, but not before somebody asked for /release/NAME, which is not recorded; /hold/NAME/NNN: NNN;
                            /hold/NAME/NNN/BYTES: with a random answer of so many bytes
    /after/N                200 once N other requests have been dealt with
    /fail-first/N           503 to the first N requests with the same webhook-id header, then 200
    /fail-some/N            503 to the first request with a webhook-id, for one in N of these, else 200
    /broken/NAME            503 until somebody asked for /mend/NAME, then 200
    /retry-after/SECONDS    503 with that Retry-After, then, for the same webhook-id, 200
    /retry-date/SECONDS     the same with Retry-After as a date
    /retry-value/TEXT       the same with that text (URL-encoded) as Retry-After
    /redirect/TARGET        302 to /TARGET; /redirect/TARGET/NNN: by that status
    /echo                   200 with the request's body and headers as the answer's body; /echo/NNN: this status
    /reset                  the connection is reset
    /unread                 the connection is reset before the body has been read
    /close                  the connection is closed without an answer
    /hang                   no answer, ever
    /endless                200 with a body that never ends
    /garbage                bytes that are no HTTP
    /raw/BASE64             these bytes (in URL-safe base64), then the connection is closed
    /raw/BASE64/reset       the same, then the connection is reset; /raw/BASE64/open: then nothing more
    /slow-headers           200 with a header that comes by ten bytes a second and never ends
    /slow-body              200 with a body that comes by ten bytes a second and never ends
    /flood-headers          200 with header after header, without an end
    /flood-continue         one 100 Continue after the other, without an end
    /flood-extension        200 with a chunked body whose first piece is only announced, in a line without an end
    /bomb                   200 with 1 GB of zeros in a body of 1 MB, as Content-Encoding: gzip
    /bomb/transfer          the same as Transfer-Encoding: gzip, chunked
    /bomb/nested            50 KB that are, unpacked three times, nothing at all; to find that takes minutes
    /idle/close             200, and soon after the idle connection is closed; /idle/reset: is reset
    /idle/timeout           200, and soon after a 408 that nobody asked for, as proxies send it, then it is closed
    /idle/answer            200, and soon after another 200 that nobody asked for
    /bearer/N               200 to the Nth or a later token of /token, else 401
    /token                  an OAuth2 token (see --token-lifetime), for client credentials in the form or by basic auth
    /token/TOKEN            that one; /slow-token/SECONDS: as /token, after that long
    /token-once/NNN         a token at first, later this status
"""

import argparse
import base64
import email.utils
import http.server
import json
import os
import random
import re
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse
import zlib


GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\x03"


def gzip_bomb():
    """1 GB of zeros: one compressed MB that stands by itself, over and over. No checksum: no client reads that far."""
    compress = zlib.compressobj(9, wbits=-15)
    block = compress.compress(bytes(1 << 20)) + compress.flush(zlib.Z_FULL_FLUSH)
    return GZIP_HEADER + block * 1024


def nested_bomb():
    """Blocks of deflate that hold nothing, gigabytes of them, packed twice more: a client that unpacks a piece is busy and gets no output."""
    start = GZIP_HEADER
    block = b"\0\0\0\xff\xff"
    for _ in range(2):
        pieces = []
        for plain in start, block * ((1 << 20) // len(block)):
            compress = zlib.compressobj(9, wbits=-15)
            pieces.append(compress.compress(plain) + compress.flush(zlib.Z_FULL_FLUSH))
        start, block = GZIP_HEADER + pieces[0], pieces[1]
    return start + block * 20


BOMB = gzip_bomb()
NESTED_BOMB = nested_bomb()


class Receiver(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address, record, token_lifetime, handler):
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)
        self.record = record
        self.token_lifetime = token_lifetime
        self.lock = threading.Lock()
        self.requests = 0
        self.connections = 0
        self.tokens = 0
        self.tries = {}
        self.mended = set()
        self.changed = threading.Condition()
        self.released = set()
        self.done = 0

    def count_try(self, key):
        with self.lock:
            self.tries[key] = self.tries.get(key, 0) + 1
            return self.tries[key]

    def await_change(self, is_so):
        with self.changed:
            self.changed.wait_for(is_so)

    def change(self, action):
        with self.changed:
            action()
            self.changed.notify_all()

    def count_done(self):
        self.done += 1

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1
            self.connection_number = self.server.connections

    def parse_request(self):
        # Called with the request line just read.
        self.monotonic_us = time.monotonic_ns() // 1000
        self.wall_us = time.time_ns() // 1000
        return super().parse_request()

    def answer_any(self):
        words = self.path.split("?")[0].split("/")[1:]
        if words[0] == "unread":
            self.on_reset(b"", "")
            return
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        behaviour = getattr(self, "on_" + words[0].replace("-", "_"), None)
        argument = words[1] if len(words) > 1 else ""
        if behaviour is None:
            self.answer(body, 404, b"no such behaviour")
        else:
            self.arguments = words[2:]
            try:
                behaviour(body, argument)
            finally:
                self.server.change(self.server.count_done)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer_any

    def note(self, body, status):
        with self.server.lock:
            self.server.requests += 1
            entry = {
                "number": self.server.requests,
                "connection": self.connection_number,
                "method": self.command,
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body.decode("latin-1"),
                "monotonic_us": self.monotonic_us,
                "wall_us": self.wall_us,
                "status": status,
            }
            self.server.record.write(json.dumps(entry) + "\n")
            self.server.record.flush()

    def answer(self, body, status, text=b"", headers=None):
        self.note(body, status)
        self.send(status, text, headers)

    def send(self, status, text, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status >= 200 and status not in (204, 304):
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(text)

    def webhook_id(self):
        return self.headers.get("webhook-id", "")

    def on_ok(self, body, argument):
        self.answer(body, 200, b"ok")

    def on_status(self, body, argument):
        self.answer(body, int(argument), b"as asked")

    def on_delay(self, body, argument):
        time.sleep(float(argument))
        self.answer(body, 200, b"late")

    def on_hold(self, body, argument):
        status = int(self.arguments[0]) if self.arguments else 200
        self.note(body, status)
        self.server.await_change(lambda: argument in self.server.released)
        self.send(status, random.randbytes(int(self.arguments[1]) // 2).hex().encode() if len(self.arguments) > 1 else b"held")

    def on_release(self, body, argument):
        self.server.change(lambda: self.server.released.add(argument))
        self.send(200, b"released")

    def on_after(self, body, argument):
        self.note(body, 200)
        self.server.await_change(lambda: self.server.done >= int(argument))
        self.send(200, b"after the others")

    def on_fail_first(self, body, argument):
        failed = self.server.count_try((self.path, self.webhook_id())) <= int(argument)
        self.answer(body, 503 if failed else 200, b"not yet" if failed else b"ok")

    def on_fail_some(self, body, argument):
        tried = self.server.count_try((self.path, self.webhook_id()))
        failed = tried == 1 and zlib.crc32(self.webhook_id().encode()) % int(argument) == 0
        self.answer(body, 503 if failed else 200, b"not yet" if failed else b"ok")

    def on_broken(self, body, argument):
        mended = argument in self.server.mended
        self.answer(body, 200 if mended else 503, b"ok" if mended else b"broken")

    def on_mend(self, body, argument):
        self.server.mended.add(argument)
        self.answer(body, 200, b"mended")

    def on_retry_after(self, body, argument):
        self.retry_later(body, argument)

    def on_retry_date(self, body, argument):
        self.retry_later(body, email.utils.formatdate(time.time() + float(argument), usegmt=True))

    def on_retry_value(self, body, argument):
        self.retry_later(body, urllib.parse.unquote(argument))

    def retry_later(self, body, value):
        if self.server.count_try((self.path, self.webhook_id())) == 1:
            self.answer(body, 503, b"later", {"Retry-After": value})
        else:
            self.answer(body, 200, b"ok")

    def on_redirect(self, body, argument):
        self.answer(body, int(self.arguments[0]) if self.arguments else 302, b"", {"Location": "/" + argument})

    def on_echo(self, body, argument):
        self.answer(body, int(argument or 200), str(self.headers).encode() + body)

    def reset(self):
        self.close_connection = True
        # Lingering for no time makes close() send RST. Our files over the socket would put that off.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.request.detach())

    def await_reader(self):
        """Until the client, on this machine, has read all that was sent: a reset may supersede it."""
        line = re.compile(r"^ *\d+: \w+:%04X \w+:%04X \w+ \w+:0*([1-9A-F])" % (self.client_address[1], self.server.server_port), re.M)
        while True:
            with open("/proc/net/tcp", encoding="ascii") as sockets:
                if not line.search(sockets.read()):
                    return
            time.sleep(0.01)

    def await_client(self):
        """Until the client gives up."""
        self.close_connection = True
        self.request.recv(1)

    def on_reset(self, body, argument):
        self.note(body, None)
        self.reset()

    def on_close(self, body, argument):
        self.note(body, None)
        self.close_connection = True

    def on_hang(self, body, argument):
        self.note(body, None)
        self.await_client()

    def on_raw(self, body, argument):
        self.note(body, None)
        self.close_connection = True
        self.wfile.write(base64.urlsafe_b64decode(argument + "==="))
        if "open" in self.arguments:
            self.await_client()
        if "reset" in self.arguments:
            self.await_reader()
            self.reset()

    def send_without_end(self, body, start, piece, interval):
        self.note(body, 200)
        self.close_connection = True
        self.wfile.write(start)
        while True:
            self.wfile.write(piece)
            time.sleep(interval)

    def on_slow_headers(self, body, argument):
        self.send_without_end(body, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", 0.1)

    def on_slow_body(self, body, argument):
        self.send_without_end(body, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x", 0.1)

    def on_flood_headers(self, body, argument):
        self.send_without_end(body, b"HTTP/1.1 200 OK\r\n", b"X-Flood: %s\r\n" % (b"x" * 100), 0)

    def on_flood_continue(self, body, argument):
        self.send_without_end(body, b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0)

    def on_flood_extension(self, body, argument):
        self.send_without_end(body, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 0x10000, 0)

    def on_bomb(self, body, argument):
        self.note(body, 200)
        self.close_connection = True
        self.send_response(200)
        if argument:
            bomb = NESTED_BOMB if argument == "nested" else BOMB
            self.send_header("Transfer-Encoding", "gzip, gzip, gzip, chunked" if argument == "nested" else "gzip, chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(bomb), bomb))
        else:
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(BOMB)))
            self.end_headers()
            self.wfile.write(BOMB)

    def on_idle(self, body, argument):
        self.answer(body, 200, b"ok")
        # The client has the answer then, and soon holds the connection for idle.
        self.await_reader()
        time.sleep(0.1)
        if argument == "timeout":
            self.wfile.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlate")
        elif argument == "answer":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        elif argument == "reset":
            self.reset()
        if argument in ("close", "timeout"):
            self.request.shutdown(socket.SHUT_RDWR)
        self.close_connection = argument != "answer"

    def on_endless(self, body, argument):
        start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.send_without_end(body, start, b"4000\r\n" + b"x" * 0x4000 + b"\r\n", 0)

    def on_garbage(self, body, argument):
        self.note(body, None)
        self.close_connection = True
        self.wfile.write(b"\x00\xffthis is not HTTP\r\n\x01\x02\r\n")

    def on_bearer(self, body, argument):
        token = self.headers.get("authorization", "").removeprefix("Bearer token-")
        known = token.isdigit() and int(token) >= int(argument)
        self.answer(body, 200 if known else 401, b"ok" if known else b"unknown token")

    def on_token_once(self, body, argument):
        if self.server.count_try(self.path) == 1:
            self.on_token(body, "")
        else:
            self.answer(body, int(argument), b"no more")

    def on_slow_token(self, body, argument):
        time.sleep(float(argument))
        self.on_token(body, "")

    def on_token(self, body, argument):
        with self.server.lock:
            self.server.tokens += 1
            number = self.server.tokens
        token = {"access_token": argument or "token-%d" % number, "token_type": "Bearer", "expires_in": self.server.token_lifetime}
        self.answer(body, 200, json.dumps(token).encode(), {"Content-Type": "application/json"})

    def log_message(self, format, *arguments):
        pass


def main(handler=Handler, description="webhook receiver; see the head of this file for its paths"):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--record", required=True, help="file that requests are appended to")
    parser.add_argument("--listen", default="127.0.0.1", help="another address to listen on")
    parser.add_argument("--port", type=int, default=0, help="a certain port")
    parser.add_argument("--certificate", help="PEM file: serve HTTPS with this certificate")
    parser.add_argument("--key", help="PEM file: the certificate's key")
    parser.add_argument("--token-lifetime", type=int, default=3600, help="expires_in of the tokens of /token, seconds")
    options = parser.parse_args()

    with open(options.record, "a", encoding="utf-8") as record:
        server = Receiver((options.listen, options.port), record, options.token_lifetime, handler)
        if options.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(options.certificate, options.key)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        print("port", server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
