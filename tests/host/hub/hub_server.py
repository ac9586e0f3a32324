"""A hub for tests: the Hugging Face protocol on one port, its content network on another.

    python3 hub_server.py BUNDLED      BUNDLED: the folder that holds olmo2-tiny and llama3-tiny

Prints "HUB_PORT CDN_PORT" and serves until standard input closes. What a repository does stands in
its name: bundled/NAME serves a folder as it is, slow/NAME slowly, faults/SEED breaks transfers at random (the same way
for the same seed), odd/WORD does one thing wrong. /_log/ORG/NAME lists the requests for it so far,
/_content/ORG/NAME/FILE is a file as it should be.
"""
import hashlib
import json
import random
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BUNDLED = Path(sys.argv[1])
TOKEN = "hf_right"
LARGE = 4096  # files from this size on are LFS's
LOGS, COUNTS, LOCK = {}, {}, threading.Lock()


def git_sha1(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Repository:
    def __init__(self, name):
        self.name = name
        self.org, self.word = name.split("/")
        self.files = self.make_files()
        digest = hashlib.sha1(name.encode())
        for path in sorted(self.files):
            digest.update(path.encode() + self.files[path])
        self.commit = digest.hexdigest()

    def make_files(self):
        if self.org in ("bundled", "slow"):
            folder = BUNDLED / self.word
            return {f.name: f.read_bytes() for f in sorted(folder.iterdir()) if f.is_file()}
        rng = random.Random(self.name)
        sizes = {"config.json": 700, "tokenizer.json": 30000, "tokenizer_config.json": 900,
                 "LICENSE": 0, "model.safetensors.index.json": 1500,
                 "model-00001-of-00002.safetensors": 400000,
                 "model-00002-of-00002.safetensors": 90001,
                 "original/consolidated.00.pth": 9000, "pytorch_model.bin": 9000,
                 "README.md": 300, ".gitattributes": 100}
        if self.word == "big":
            sizes["model-00001-of-00002.safetensors"] = 3 << 20
        if self.word == "no-weights":
            sizes = {"config.json": 700, "pytorch_model.bin": 9000}
        if self.word == "quants":
            sizes = {"config.json": 700, "LICENSE": 10, "M-Q4_K_M.gguf": 5000, "M-Q8_0.gguf": 6000,
                     "M-F16-00001-of-00002.gguf": 5000, "M-F16-00002-of-00002.gguf": 4100}
        files = {path: rng.randbytes(size) for path, size in sizes.items()}
        if self.word == "twins":  # two files of one content
            files["merges.txt"] = files["vocab.txt"] = rng.randbytes(300000)
        return files

    def is_large(self, path):
        return len(self.files[path]) >= LARGE

    def sha256(self, path):
        return hashlib.sha256(self.files[path]).hexdigest()


REPOSITORIES = {}


def repository(name):
    with LOCK:
        if name not in REPOSITORIES:
            REPOSITORIES[name] = Repository(name)
        return REPOSITORIES[name]


class Fault:
    """What one request of a faults/SEED repository meets; by seed, path and how often it was asked."""

    def __init__(self, repo, path):
        with LOCK:
            count = COUNTS[repo.name, path] = COUNTS.get((repo.name, path), 0) + 1
        self.kind = ""
        self.rng = random.Random(f"{repo.name} {path} {count}")
        if repo.org == "faults":
            often = random.Random(repo.name).choice([0.2, 0.5, 0.7, 0.9])
            if self.rng.random() < often:
                self.kind = self.rng.choice(
                    ["cut"] * 6 + ["drop", "500", "502", "503", "429", "408", "slow", "whole",
                     "overlap", "page", "unsaid", "flip"])
                if self.kind == "flip" and self.rng.random() < 0.5:
                    self.kind = "cut"
        elif repo.org == "slow":
            self.kind = "slow"
        elif repo.org == "odd":
            self.kind = {"cut": "cut", "slow": "slow", "no-ranges": "whole", "wrong": "flip",
                         "big": "slow"}.get(repo.word, "")
            if repo.word == "no-ranges" and count == 1:
                self.kind = "cut"
            if repo.word == "flip-once" and count == 1:
                self.kind = "flip"
            if repo.word == "rate" and count == 1:
                self.kind = "429-1"
            if repo.word == "rate-limit" and count == 1:
                self.kind = "429-t"
            if repo.word == "busy":
                self.kind = "503"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    side = "hub"

    def log_message(self, *args):
        pass

    def note(self, repo, **more):
        entry = {"side": self.side, "method": self.command, "path": self.path.split("?")[0],
                 "range": self.headers.get("Range", ""), "if_range": self.headers.get("If-Range", ""),
                 "token": self.headers.get("Authorization", ""), **more}
        with LOCK:
            LOGS.setdefault(repo.name, []).append(entry)
        return entry

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, value, **headers):
        self.answer(200, json.dumps(value).encode(), Content_Type="application/json", **headers)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        try:
            self.route([part for part in self.path.split("?")[0].split("/") if part])
        except (BrokenPipeError, ConnectionResetError):
            pass

    def break_now(self, fault):
        """Faults that need no content; True: the answer is given."""
        if fault.kind == "drop":
            self.hang_up()
        elif fault.kind == "429-1":
            self.answer(429, b"slow down", Retry_After="1")
        elif fault.kind == "429-t":
            self.answer(429, b"slow down", RateLimit='"api";r=0;t=1')
        elif fault.kind == "429":
            self.answer(429, b"slow down", Retry_After="0")
        elif fault.kind.isdigit():
            self.answer(int(fault.kind), b"<html>out of order</html>")
        elif fault.kind == "page":  # what a hotel's network answers
            self.answer(200, b"<html>please log in</html>", Content_Type="text/html")
        else:
            return False
        return True

    def hang_up(self):
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)

    def content(self, repo, path, etag, fault, entry):
        data = repo.files[path]
        start = 0
        wanted = self.headers.get("Range", "")
        bound = self.headers.get("If-Range", "")
        if wanted.startswith("bytes=") and fault.kind != "whole" and bound in ("", etag):
            start = int(wanted[6:].split("-")[0])
            if start >= len(data):
                return self.answer(416, b"", Content_Range=f"bytes */{len(data)}")
        if fault.kind == "overlap":
            start = max(0, start - fault.rng.randint(0, 2000))
        body = bytearray(data[start:])
        if fault.kind == "flip" and body:
            body[fault.rng.randrange(len(body))] ^= 0x40
        entry.update(start=start, sent=0, flipped=fault.kind == "flip", size=len(data))
        partial = wanted and start + len(body) == len(data) and fault.kind != "whole" and \
            bound in ("", etag)
        self.send_response(206 if partial else 200)
        self.send_header("ETag", etag)
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if fault.kind == "unsaid":  # its end is where the connection ends
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        if self.side == "hub":
            self.send_header("X-Repo-Commit", repo.commit)
        self.end_headers()
        if self.command == "HEAD":
            return
        end = len(body)
        if fault.kind in ("cut", "unsaid") and body:
            end = fault.rng.randrange(len(body))
        piece = 16384 if fault.kind == "slow" else 1 << 20
        for at in range(0, end, piece):
            part = body[at:min(at + piece, end)]
            self.wfile.write(part)
            entry["sent"] += len(part)
            if fault.kind == "slow":
                time.sleep(0.002 if repo.org == "faults" else 0.004)
        if end < len(body) or fault.kind == "unsaid":
            self.hang_up()


class Hub(Handler):
    def route(self, parts):
        if parts[0] == "_log":
            with LOCK:
                log = list(LOGS.get("/".join(parts[1:3]), []))
            return self.answer_json(log)
        if parts[0] == "_content":
            return self.answer(200, repository("/".join(parts[1:3])).files["/".join(parts[3:])])
        if parts[:2] == ["api", "models"] and len(parts) >= 6:
            return self.api(repository("/".join(parts[2:4])), parts[4], parts[5])
        if len(parts) >= 5 and parts[2] == "resolve":
            return self.resolve(repository("/".join(parts[:2])), parts[3], "/".join(parts[4:]))
        self.answer(404, b"Not Found", X_Error_Code="RepoNotFound")

    def refuse(self, repo):
        right = self.headers.get("Authorization", "") == f"Bearer {TOKEN}"
        if repo.org == "missing":
            self.answer(401, b"Invalid username or password.", X_Error_Code="RepoNotFound",
                        X_Error_Message="Repository Not Found")
        elif repo.org == "gated" and not right:
            self.answer(403 if self.headers.get("Authorization") else 401, b"",
                        X_Error_Code="GatedRepo", X_Error_Message="Access is restricted.")
        elif repo.org == "rogue":
            self.answer(500, b"\x1b[31mred\nalert\x07")
        else:
            return False
        return True

    def api(self, repo, what, revision):
        self.note(repo)
        fault = Fault(repo, what)
        if self.refuse(repo) or self.break_now(fault):
            return
        if what == "revision":
            if revision not in ("main", repo.commit):
                return self.answer(404, b"", X_Error_Code="RevisionNotFound")
            return self.answer_json({"id": repo.name, "sha": repo.commit,
                                     "siblings": [{"rfilename": path} for path in repo.files]})
        if repo.word == "no-tree":
            return self.answer(404, b"")
        entries = [{"type": "directory", "path": "original", "oid": "0" * 40, "size": 0}]
        for path, data in repo.files.items():
            entry = {"type": "file", "path": path, "size": len(data), "oid": git_sha1(data)}
            if repo.is_large(path):
                entry["lfs"] = {"oid": repo.sha256(path), "size": len(data), "pointerSize": 134}
            entries.append(entry)
        if repo.word == "escapes":
            entries.append({"type": "file", "path": "../../evil.txt", "size": 1, "oid": "0" * 40})
        if repo.word == "lies":
            entries[1]["size"] += 1
        if repo.word == "pages" and "cursor" not in self.path:
            link = f'<http://{self.headers["Host"]}{self.path}&cursor=2>; rel="next"'
            return self.answer_json(entries[:4], Link=link)
        self.answer_json(entries[4:] if repo.word == "pages" else entries)

    def resolve(self, repo, commit, path):
        if self.refuse(repo):
            self.note(repo)
            return
        if commit != repo.commit or path not in repo.files:
            self.note(repo)
            return self.answer(404, b"Entry not found", X_Error_Code="EntryNotFound")
        if not repo.is_large(path):
            entry, fault = self.note(repo, file=path), Fault(repo, path)
            if not self.break_now(fault):
                self.content(repo, path, f'"{git_sha1(repo.files[path])}"', fault, entry)
            return
        self.note(repo)
        to = f"http://localhost:{CDN_PORT}/{repo.name}/{path}?X-Signature=secret"
        if repo.word == "circle":
            to = self.path
        self.answer(302, b"", Location=to, X_Repo_Commit=repo.commit,
                    X_Linked_Size=str(len(repo.files[path])),
                    X_Linked_Etag=f'"{repo.sha256(path)}"')


class Cdn(Handler):
    side = "cdn"

    def route(self, parts):
        repo, path = repository("/".join(parts[:2])), "/".join(parts[2:])
        entry, fault = self.note(repo, file=path), Fault(repo, path)
        if not self.break_now(fault):
            self.content(repo, path, f'"cdn-{repo.sha256(path)[:20]}"', fault, entry)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that went away: tests end programs in the middle

    request_queue_size = 128


hub, cdn = Server(("127.0.0.1", 0), Hub), Server(("127.0.0.1", 0), Cdn)
CDN_PORT = cdn.server_address[1]
for server in (hub, cdn):
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(hub.server_address[1], CDN_PORT, flush=True)
sys.stdin.read()
