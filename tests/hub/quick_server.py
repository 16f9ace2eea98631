"""A server that a hub takes for a single-user server, up in a fraction of a second."""

import json
import os
import signal
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlparse


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"version": "2.0"}).encode()
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


# A test that fails must not leave servers behind for good.
signal.alarm(300)
address = urlparse(os.environ["JUPYTERHUB_SERVICE_URL"])
HTTPServer((address.hostname, address.port), Answer).serve_forever()
