"""A webhook receiver: verifies with the Standard Webhooks library, records, answers as its path says.

receiver.py LOG SECRET_FILE [CERTIFICATE KEY]; prints its port.
"""

import json
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

LOG = open(sys.argv[1], "a")
SECRET = open(sys.argv[2]).read().strip()
LOCK = threading.Lock()
TIMES = {}


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        path = self.path.split("?")[0]
        try:
            Webhook(SECRET).verify(body, dict(self.headers))
            verified = True
        except WebhookVerificationError:
            verified = False
        with LOCK:
            key = (path, self.headers["webhook-id"])
            times = TIMES[key] = TIMES.get(key, 0) + 1
            record = {
                "path": path,
                "id": self.headers["webhook-id"],
                "timestamp": self.headers["webhook-timestamp"],
                "verified": verified,
                "at": time.time(),
                "body": json.loads(body),
            }
            LOG.write(json.dumps(record) + "\n")
            LOG.flush()
        if not verified:
            return self.answer(401)
        if path == "/redirect":
            return self.answer(302, {"location": "/ok"})
        if path == "/gone":
            return self.answer(410)
        if path == "/down" or (path == "/flaky" and times == 1):
            # What a careless receiver repeats must not be kept.
            return self.answer(500, body=f"{SECRET} {self.path} {self.headers}".encode())
        if path == "/busy" and times == 1:
            return self.answer(429, {"retry-after": "7"})
        if path == "/close":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return None
        if path == "/hang":
            return time.sleep(60)
        if path == "/trickle":
            self.send_response(500)
            self.end_headers()
            while True:
                self.wfile.write(b"x")
                time.sleep(0.1)
        if path == "/huge":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 65536)
        if path == "/slow":
            time.sleep(0.02)
        return self.answer(200)

    def answer(self, status, headers=None, body=b""):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Receiver)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
