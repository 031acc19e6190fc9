"""A server on this machine that does to a download what servers do."""

import contextlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = bytes(range(256)) * 2000
NORMAL = {
    "body": BODY,
    "ranges": True,  # whether a Range is honoured
    "status": None,  # by default 200, 206 or 416, as fits
    "headers": {},  # further ones, or others than it would send; None leaves one out
    "location": None,  # where a redirect leads
    "cut": None,  # after so many bytes the connection is closed
    "stall": None,  # after so many bytes nothing more comes
    "slow": None,  # seconds before each byte
    "endless": False,  # whether the body is sent again and again, with whatever answer
}


class Server(ThreadingHTTPServer):
    """Answers as ``first`` says, in turn, and then always as ``then`` says, which is how NORMAL is changed."""

    def __init__(self, *first, **then):
        super().__init__(("127.0.0.1", 0), Handler)
        self.first, self.then = list(first), NORMAL | then
        self.asked = []  # the Range of each request
        self.seen = []  # the request lines
        self.encodings = []  # the Accept-Encoding of each request
        self.over = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/data.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        server = self.server
        how = server.then | (server.first.pop(0) if server.first else {})
        body, headers = how["body"], {}
        asked = self.headers.get("Range")
        server.asked.append(asked)
        server.seen.append(self.requestline)
        server.encodings.append(self.headers.get("Accept-Encoding"))
        same = self.headers.get("If-Range") in (None, how["headers"].get("ETag"))
        first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and same and how["ranges"] else 0
        status = how["status"] or (206 if first else 200)
        if how["location"]:
            status, headers = 302, {"Location": how["location"]}
        elif first >= len(body):
            status = 416
        elif status == 206:
            headers = {"Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"}
        self.answer(status, body[first:] if status in (200, 206) else b"", headers, how)

    def do_CONNECT(self):
        self.server.seen.append(self.requestline)
        self.answer(403, b"", {}, NORMAL)

    def answer(self, status, body, headers, how):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers | how["headers"]).items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client may have been killed
            self.send(body[: how["stall"] if how["cut"] is None else how["cut"]], how)
        if how["stall"] is not None:
            self.server.over.wait()
        self.close_connection = True

    def send(self, body, how):
        over = self.server.over
        pieces = [body] if how["slow"] is None else [bytes([byte]) for byte in body]
        for piece in pieces:
            if how["slow"] is None or not over.wait(how["slow"]):
                self.wfile.write(piece)
        while how["endless"] and not over.is_set():
            self.wfile.write(how["body"])

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(*first, **then):
    with Server(*first, **then) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
