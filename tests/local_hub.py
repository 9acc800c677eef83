# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""A Hub on this machine, over HTTP: the part of its interface that huggingface_hub uses to push and to load models and
Spaces. The repository of a Space is called `spaces/USER/NAME` here.

Repositories have branches and commits, are public or private, and take large files by LFS; tokens say who asks. What
can go wrong on the way is ordered through `PUT /control`: see `Trouble`.
"""

import base64
import hashlib
import json
import os
import re
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from card_rules import errors_of


WRITER_TOKEN, STRANGER_TOKEN = "hf_writer", "hf_stranger"
USERS = {WRITER_TOKEN: "tester", STRANGER_TOKEN: "stranger"}
LFS_SUFFIXES = (".safetensors", ".png", ".gif")
DATE = "2026-01-01T00:00:00.000Z"
REPO = r"/api/(models/)?(?P<repo_id>(spaces/)?[^/]+/[^/]+)"
FILES_OF = r"/(?P<repo_id>(spaces/)?[^/]+/[^/]+"


@dataclass
class Trouble:
    """What goes wrong next."""

    cut_uploads: int = 0  # connections that break in the middle of a large file
    rival_commits: int = 0  # commits of somebody else that land just before ours
    conflict_status: int = 412  # what the Hub says of a parent that is not the head; some mirrors say 409
    is_silent: bool = False  # every connection ends without an answer
    refused_files: str = ""  # what stands in the names of files that are not given
    refusal_status: int = 500  # what is said instead


@dataclass
class Commit:
    sha: str
    files: dict[str, tuple[bytes, bool]]  # path to content and whether it is a large file


@dataclass
class Repository:
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, revision):
        return self.commits.get(self.branches.get(revision, revision))

    def add(self, branch, files):
        seed = f"{len(self.commits)} {sorted((path, git_sha(data)) for path, (data, _) in files.items())}"
        commit = Commit(hashlib.sha1(seed.encode()).hexdigest(), files)
        self.commits[commit.sha] = commit
        self.branches[branch] = commit.sha
        return commit


class RefusedError(Exception):
    def __init__(self, status, message, code=None, headers=None):
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **(headers or {})}


def git_sha(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def content_sha(data, is_large):
    return hashlib.sha256(data).hexdigest() if is_large else git_sha(data)


class LocalHub:
    """The server; a context manager."""

    def __init__(self):
        self.repositories, self.objects, self.trouble = {}, {}, Trouble()
        self.requests = []  # method and path of each
        self.lock = threading.RLock()

    def client_environment(self, home, token=WRITER_TOKEN):
        """The environment of a process that uses this Hub; huggingface_hub reads it at import."""
        return {
            **os.environ,
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": token,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",  # the Hub's own protocol for large files; this one speaks LFS
            "OMP_NUM_THREADS": "1",
        }

    def __enter__(self):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *arguments):
                pass

        for method in ("GET", "HEAD", "POST", "PUT"):
            setattr(Handler, f"do_{method}", lambda request: answer(hub, request))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()  # shutdown waits for it
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    def repository(self, repo_id, user, *, to_write=False):
        """The repository, if the user may do that; a private one is not there for others."""
        repository, owner = self.repositories.get(repo_id), repo_id.split("/")[-2]
        if repository is None or (repository.private and user != owner):
            if user is None:
                raise RefusedError(401, "Invalid username or password.")
            raise RefusedError(404, "Repository not found", "RepoNotFound")
        if to_write and user != owner:
            raise RefusedError(403 if user else 401, "You have no write access")
        return repository

    def commit(self, repo_id, user, revision):
        found = self.repository(repo_id, user).commit(revision)
        if found is None:
            raise RefusedError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found

    # What a route answers: the body, or the body and headers.

    def control(self, body, **_):
        self.trouble = Trouble(**json.loads(body))
        return {}

    def validate_card(self, body, **_):
        asked = json.loads(body)
        if errors := errors_of(asked["content"], asked["repoType"]):
            return {"errors": [{"message": error} for error in errors], "warnings": []}, {"status": 400}
        return {"errors": [], "warnings": []}

    def create(self, user, body, **_):
        wanted = json.loads(body)
        if user is None:
            raise RefusedError(401, "Invalid username or password.")
        repo_id = f"{wanted.get('organization') or user}/{wanted['name']}"
        if repo_id.split("/")[0] != user:
            raise RefusedError(403, "You don't have the rights to create a model under this namespace")
        if wanted.get("type") == "space":
            if wanted.get("sdk") != "gradio":
                raise RefusedError(400, "A Space must have an sdk")
            repo_id = f"spaces/{repo_id}"
        answer = {"url": f"{self.url}/{repo_id}", "name": repo_id, "id": repo_id}
        if repo_id in self.repositories:
            return {"error": "You already created this model repo", **answer}, {"status": 409}
        repository = self.repositories[repo_id] = Repository(wanted.get("visibility") == "private")
        repository.add("main", {".gitattributes": (b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n", False)})
        return answer

    def create_branch(self, user, repo_id, revision, body, **_):
        repository = self.repository(repo_id, user, to_write=True)
        if revision in repository.branches:
            raise RefusedError(409, "Reference already exists")
        repository.branches[revision] = repository.branches[json.loads(body or "{}").get("startingPoint", "main")]
        return {}

    def info(self, user, repo_id, revision=None, **_):
        commit = self.commit(repo_id, user, revision or "main")
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        flags = {"private": self.repositories[repo_id].private, "gated": False, "disabled": False}
        counts = {"downloads": 0, "likes": 0, "tags": [], "lastModified": DATE, "createdAt": DATE}
        return (
            {"_id": "0", "id": repo_id, "modelId": repo_id, "sha": commit.sha, "siblings": siblings} | flags | counts
        )

    def preupload(self, user, repo_id, revision, body, **_):
        self.repository(repo_id, user, to_write=True)
        present = self.commit(repo_id, user, revision).files
        return {
            "files": [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(LFS_SUFFIXES) else "regular",
                    "shouldIgnore": False,
                    "oid": content_sha(*present[file["path"]]) if file["path"] in present else None,
                }
                for file in json.loads(body)["files"]
            ]
        }

    def large_files(self, user, repo_id, body, **_):
        self.repository(repo_id, user, to_write=True)
        answers = []
        for entry in json.loads(body)["objects"]:
            upload = {"upload": {"href": f"{self.url}/objects/{entry['oid']}", "header": {}}}
            is_here = entry["oid"] in self.objects
            answers.append({"oid": entry["oid"], "size": entry["size"], **({} if is_here else {"actions": upload})})
        return {"transfer": "basic", "objects": answers}

    def put_object(self, oid, body, **_):
        assert hashlib.sha256(body).hexdigest() == oid
        self.objects[oid] = body
        return {}

    def push_commit(self, user, repo_id, revision, body, **_):
        repository = self.repository(repo_id, user, to_write=True)
        rivals, self.trouble.rival_commits = self.trouble.rival_commits, 0
        for _ in range(rivals):
            files = {**repository.commit(revision).files, "rival.txt": (b"I was here first.", False)}
            repository.add(revision, files)
        files = dict(repository.commit(revision).files)
        for entry in map(json.loads, body.splitlines()):
            kind, value = entry["key"], entry["value"]
            if kind == "header" and value.get("parentCommit") not in (None, repository.branches[revision]):
                raise RefusedError(
                    self.trouble.conflict_status, "A commit has happened since. Please refresh and try again."
                )
            if kind == "file":
                files[value["path"]] = (base64.b64decode(value["content"]), False)
            elif kind == "lfsFile":
                files[value["path"]] = (self.objects[value["oid"]], True)
            elif kind == "deletedFile":
                del files[value["path"]]
        sha = repository.add(revision, files).sha
        return {"success": True, "commitOid": sha, "commitUrl": f"{self.url}/{repo_id}/commit/{sha}", "hookOutput": ""}

    def tree(self, user, repo_id, revision, folder="", **_):
        files = sorted(self.commit(repo_id, user, revision).files.items())
        return [file_entry(path, *file) for path, file in files if path.startswith(folder)]

    def paths_info(self, user, repo_id, revision, body, **_):
        wanted = json.loads(body)["paths"] if body[:1] == b"{" else parse_qs(body.decode()).get("paths", [])
        files = self.commit(repo_id, user, revision).files
        return [file_entry(path, *files[path]) for path in wanted if path in files]

    def resolve(self, user, repo_id, revision, path, **_):
        commit = self.commit(repo_id, user, revision)
        if self.trouble.refused_files and self.trouble.refused_files in path:
            raise RefusedError(self.trouble.refusal_status, "")
        if path not in commit.files:
            raise RefusedError(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit.sha})
        data, is_large = commit.files[path]
        etag = content_sha(data, is_large)
        headers = {"X-Repo-Commit": commit.sha, "ETag": f'"{etag}"'}
        return data, headers | ({"X-Linked-ETag": f'"{etag}"', "X-Linked-Size": str(len(data))} if is_large else {})


def file_entry(path, data, is_large):
    entry = {"type": "file", "path": path, "size": len(data), "oid": git_sha(data)}
    pointer = {"oid": content_sha(data, True), "size": len(data), "pointerSize": 134}
    return {**entry, "lfs": pointer} if is_large else entry


ROUTES = [
    (method, re.compile(pattern), route)
    for method, pattern, route in (
        ("PUT", r"/control", LocalHub.control),
        ("POST", r"/api/validate-yaml", LocalHub.validate_card),
        ("POST", r"/api/repos/create", LocalHub.create),
        ("POST", rf"{REPO}/branch/(?P<revision>[^/]+)", LocalHub.create_branch),
        ("POST", rf"{REPO}/preupload/(?P<revision>[^/]+)", LocalHub.preupload),
        ("POST", rf"{REPO}/commit/(?P<revision>[^/]+)", LocalHub.push_commit),
        ("POST", rf"{REPO}/paths-info/(?P<revision>[^/]+)", LocalHub.paths_info),
        ("GET", rf"{REPO}/tree/(?P<revision>[^/]+)(/(?P<folder>.*))?", LocalHub.tree),
        ("GET", rf"{REPO}(/revision/(?P<revision>[^/]+))?", LocalHub.info),
        ("POST", rf"{FILES_OF}?)(\.git)?/info/lfs/objects/batch", LocalHub.large_files),
        ("PUT", r"/objects/(?P<oid>[0-9a-f]{64})", LocalHub.put_object),
        ("GET", rf"{FILES_OF})/resolve/(?P<revision>[^/]+)/(?P<path>.+)", LocalHub.resolve),
    )
]


def answer(hub, request):
    """Finds the route of a request, and sends what it says or the refusal."""
    path = urlsplit(request.path).path
    with hub.lock:
        hub.requests.append((request.command, unquote(path)))
        is_cut = path.startswith("/objects/") and hub.trouble.cut_uploads > 0
        hub.trouble.cut_uploads -= is_cut
        is_silent = hub.trouble.is_silent
    if is_cut or is_silent:
        if is_cut:
            request.rfile.read(1)
        request.close_connection = True
        request.connection.shutdown(socket.SHUT_RDWR)
        return
    body = read_body(request)
    try:
        with hub.lock:
            result = run_route(hub, request, path, body)
    except RefusedError as refusal:
        result = ({"error": str(refusal)}, {"status": refusal.status, **refusal.headers})
    content, headers = result if isinstance(result, tuple) else (result, {})
    headers = {"Content-Type": "application/json", **headers}
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    request.send_response(headers.pop("status", 200))
    for name, value in {**headers, "Content-Length": str(len(content))}.items():
        request.send_header(name, value)
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content)


def run_route(hub, request, path, body):
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and token not in USERS:
        raise RefusedError(401, "Invalid credentials in Authorization header")
    method = "GET" if request.command == "HEAD" else request.command
    for route_method, pattern, route in ROUTES:
        if method == route_method and (match := pattern.fullmatch(path)):
            parts = {name: unquote(part) for name, part in match.groupdict().items() if part is not None}
            return route(hub, user=USERS.get(token), body=body, **parts)
    raise RefusedError(404, f"No such page: {path}")


def read_body(request):
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    parts = []
    while size := int(request.rfile.readline().split(b";")[0], 16):
        parts.append(request.rfile.read(size))
        request.rfile.readline()
    request.rfile.readline()
    return b"".join(parts)
