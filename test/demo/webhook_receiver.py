#!/usr/bin/python3
"""The demo's webhook receiver: what somebody who subscribes would write, signature checks included.

Listens on 127.0.0.1, on a port that it prints as its first line ("port 12345"), and appends every request to a file as
one JSON object per line: {"wall_us", "path", "status", "id", "type", "payload", "x_signature", "standard_webhooks",
"problem"}; wall_us was taken when the request's first line had been read, the two verdicts are true or false.

    POST /NAME          a webhook for the endpoint NAME: 200 if both signatures hold, else 401; 503 while it is down
    PUT /NAME?key=KEY   tells it the key that signs what comes to NAME
    PUT /NAME?down=1    puts the endpoint out of order, ?down=0 mends it
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.parse

# How old a Standard Webhooks timestamp may be, seconds: older ones could be replayed.
TOLERANCE = 300


def signature_holds(key, payload, given):
    """x-signature: hex HMAC-SHA256 of the payload string."""
    expected = hmac.new(key.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, given or "")


def standard_signature_holds(key, headers, body):
    """Standard Webhooks: `v1,` and base64 of the HMAC-SHA256 of id, timestamp and body; several are told apart by spaces."""
    identity, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    secret = base64.b64decode(key[len("whsec_"):]) if key.startswith("whsec_") else key.encode()
    signed = identity.encode() + b"." + timestamp.encode() + b"." + body
    expected = "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, one) for one in headers.get("webhook-signature", "").split(" "))


class Endpoint:
    def __init__(self):
        self.key = None
        self.is_down = False


class Receiver(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, record):
        super().__init__(("127.0.0.1", 0), Handler)
        self.record = record
        self.lock = threading.Lock()
        self.endpoints = {}

    def endpoint(self, path):
        with self.lock:
            return self.endpoints.setdefault(path, Endpoint())

    def note(self, entry):
        with self.lock:
            self.record.write(json.dumps(entry) + "\n")
            self.record.flush()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def parse_request(self):
        self.wall_us = time.time_ns() // 1000
        return super().parse_request()

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        url = urllib.parse.urlsplit(self.path)
        endpoint = self.server.endpoint(url.path)
        for name, value in urllib.parse.parse_qsl(url.query):
            if name == "key":
                endpoint.key = value
            elif name == "down":
                endpoint.is_down = value == "1"
        self.answer(200, "noted")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        endpoint = self.server.endpoint(self.path)
        entry = {"wall_us": self.wall_us, "path": self.path, "id": self.headers.get("webhook-id"), "problem": None}
        try:
            self.judge(endpoint.key or "", body, entry)
        except (ValueError, KeyError, AttributeError) as error:
            entry["problem"] = "malformed: %r" % error

        if endpoint.is_down:
            status, text = 503, "out of order"
        elif entry["problem"]:
            status, text = 401, entry["problem"]
        else:
            status, text = 200, "thank you"
        self.server.note({**entry, "status": status})
        self.answer(status, text)

    def judge(self, key, body, entry):
        envelope = json.loads(body)
        entry.update(
            type=envelope["type"],
            payload=json.loads(envelope["payload"]),
            x_signature=signature_holds(key, envelope["payload"], self.headers.get("x-signature")),
            standard_webhooks=standard_signature_holds(key, self.headers, body),
        )
        if not entry["x_signature"]:
            entry["problem"] = "x-signature does not hold"
        elif not entry["standard_webhooks"]:
            entry["problem"] = "webhook-signature does not hold"
        elif envelope["id"] != entry["id"]:
            entry["problem"] = "id and webhook-id differ"

    def log_message(self, format, *arguments):
        pass


def main():
    parser = argparse.ArgumentParser(description="webhook receiver of the demo; see the head of this file")
    parser.add_argument("--record", required=True, help="file that requests are appended to")
    options = parser.parse_args()

    with open(options.record, "a", encoding="utf-8") as record:
        server = Receiver(record)
        print("port", server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
