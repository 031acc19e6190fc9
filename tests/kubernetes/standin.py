"""As much of Kubernetes' API as Snakemake's executor uses; a job's pod is a process in a mount namespace of its own.

A pod sees an empty /workdir, its volumes where the job mounts them, and none of the variables of this process but
PATH. Its memory and GPUs are not limited: nothing here says whether a cluster would schedule it.
"""

import json
import re
import shlex
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Cluster(ThreadingHTTPServer):
    """Answers on loopback; volumes, pods' folders and logs lie in ``home``.

    Attributes:
        jobs: every job that was created, by name, as its JSON.
        pods: the process of each.
    """

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.home, self.environment = home, environment
        self.jobs: dict[str, dict] = {}
        self.pods: dict[str, subprocess.Popen[bytes]] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *exception: object) -> None:
        """End the pods that still run, and answer no more."""
        for pod in self.pods.values():
            pod.terminate()
            pod.wait()
        self.shutdown()
        super().__exit__(*exception)

    def kubeconfig(self) -> Path:
        """A file that leads a client here."""
        path = self.home / "kubeconfig"
        named = {"name": "standin", "cluster": {"server": f"http://127.0.0.1:{self.server_port}"}}
        context = {"name": "standin", "context": {"cluster": "standin", "user": "standin"}}
        config = {"clusters": [named], "contexts": [context], "users": [{"name": "standin", "user": {}}]}
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "standin", **config}))
        return path

    def start(self, job: dict) -> None:
        """Run a job's pod."""
        name, spec = job["metadata"]["name"], job["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        sources = {
            volume["name"]: self.home / "volumes" / volume["persistentVolumeClaim"]["claimName"]
            if "persistentVolumeClaim" in volume
            else self.home / "pods" / name
            for volume in spec["volumes"]
        }
        script = ["set -e"]
        for mount in sorted(container["volumeMounts"], key=lambda mount: len(mount["mountPath"])):
            source, target = sources[mount["name"]], mount["mountPath"]
            source.mkdir(parents=True, exist_ok=True)
            script += [f"mkdir -p {target}", f"mount --bind {source} {target}"]
        command = shlex.join([*container["command"], *container["args"]])
        script += [f"cd {container['workingDir']}", f"exec {command}"]
        with (self.home / f"{name}.log").open("wb") as log:
            self.jobs[name] = job
            self.pods[name] = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", "; ".join(script)], env=self.environment, stdout=log, stderr=log
            )


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Cluster

    def do_POST(self) -> None:
        """A secret, or a job."""
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/jobs"):
            self.server.start(sent)
        self.answer(sent)

    def do_GET(self) -> None:
        """The status of a job, or its pods or log."""
        path = self.path.partition("?")[0]
        if path.endswith("/pods"):
            (name,) = re.findall("job-name%3D([^&]+)", self.path)
            self.answer({"items": [self.pod(name)]})
        elif path.endswith("/log"):
            self.answer((self.server.home / f"{path.split('/')[-2]}.log").read_text())
        else:
            code = self.server.pods[name := path.split("/")[-2]].poll()
            status = {} if code is None else {"failed": int(code != 0), "succeeded": int(code == 0)}
            self.answer({**self.server.jobs[name], "status": status})

    def do_DELETE(self) -> None:
        """Of a secret, a pod or a job, of which a running one is ended."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if pod := self.server.pods.get(self.path.partition("?")[0].split("/")[-1]):
            pod.terminate()
        self.answer({})

    def pod(self, name: str) -> dict:
        """A job's pod, which is named like it."""
        code = self.server.pods[name].poll()
        state = {"running": {}} if code is None else {"terminated": {"exitCode": code}}
        container = {"name": "snakemake", "image": "", "imageID": "", "ready": True, "restartCount": 0, "state": state}
        return {"metadata": {"name": name}, "status": {"containerStatuses": [container]}}

    def answer(self, content: object) -> None:
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form: str, *words: object) -> None:
        """Nothing."""
