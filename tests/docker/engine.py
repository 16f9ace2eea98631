"""A Docker engine of our own: an engine that this machine may have already is not touched."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import docker

NETWORK, IMAGE = "mesh", "mesh-test/server:1"


def why_not():
    """What keeps this machine from running an engine, or ""."""
    if os.geteuid() != 0:
        return "a Docker engine needs root"
    for program in ("dockerd", "containerd", "apt-cache", "dpkg-query"):
        if shutil.which(program) is None:
            return f"there is no {program} here (Debian: apt install docker.io)"
    return ""


class NoEngine(Exception):
    """Raised when the engine ends at once: this machine lacks what its kernel or its limits do not give."""


class Engine:
    """``start`` and ``stop`` it; its containers and images go with ``close``. Its sockets need a short path."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mesh-docker-"))
        self.url = f"unix://{self.folder}/docker.sock"
        self.processes = []
        self.client = None
        (self.folder / "containerd.toml").write_text(
            'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        )
        (self.folder / "daemon.json").write_text("{}")

    def start(self):
        own = self.folder
        self._run(
            *("containerd", "--config", own / "containerd.toml"),
            *("--address", own / "containerd.sock"),
            *("--root", own / "containerd", "--state", own / "run" / "containerd"),
        )
        self._until(lambda: (own / "containerd.sock").exists())
        # No firewall of the machine is changed: containers talk to this machine alone.
        self._run(
            *("dockerd", "--config-file", own / "daemon.json", "--host", self.url),
            *("--data-root", own / "data", "--exec-root", own / "run" / "docker"),
            *("--pidfile", own / "docker.pid", "--containerd", own / "containerd.sock"),
            *("--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"),
        )
        self._until(self._answers)
        self.client = docker.APIClient(base_url=self.url, version="auto", timeout=300)

    def stop(self):
        """End the engine and what runs in it; the machine keeps nothing but its folder."""
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []

    def close(self):
        if self.client is not None:
            for container in self.client.containers(all=True):
                self.client.remove_container(container["Id"], force=True, v=True)
            for network in self.client.networks(names=[NETWORK]):
                self.client.remove_network(network["Id"])
            self.client.close()
        self.stop()
        shutil.rmtree(self.folder)

    @property
    def address(self):
        """That of this machine, as containers see it."""
        if not self.client.networks(names=[NETWORK]):
            self.client.create_network(NETWORK, driver="bridge")
        return self.client.inspect_network(NETWORK)["IPAM"]["Config"][0]["Gateway"]

    def containers(self, name=""):
        """Names of all containers that there are, running or not."""
        found = self.client.containers(all=True, filters={"name": name} if name else None)
        return sorted(each["Names"][0].removeprefix("/") for each in found)

    def volumes(self):
        return sorted(each["Name"] for each in self.client.volumes()["Volumes"] or [])

    def act(self, container, *command, user="1000:100"):
        """Run a command in a container; its exit code, and what it printed."""
        made = self.client.exec_create(container, list(command), user=user)
        told = self.client.exec_start(made["Id"]).decode(errors="replace")
        return self.client.exec_inspect(made["Id"])["ExitCode"], told

    def inspect(self):
        """All that the engine tells of containers, images, networks and volumes."""
        told = [self.client.inspect_container(each) for each in self.containers()]
        told += [self.client.inspect_image(each["Id"]) for each in self.client.images()]
        told += [self.client.inspect_volume(each) for each in self.volumes()]
        told += [self.client.inspect_network(NETWORK)]
        return json.dumps(told)

    def _run(self, *command):
        words = [str(word) for word in command]
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            self.processes.append(subprocess.Popen(words, stdout=log, stderr=log))

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as asking:
            return asking.connect_ex(f"{self.folder}/docker.sock") == 0

    def _until(self, look):
        deadline = time.monotonic() + 90
        while not look():
            process = self.processes[-1]
            log = self.folder / f"{process.args[0]}.log"
            if process.poll() is not None:
                raise NoEngine(f"{process.args[0]} does not run here: {log.read_text()[-300:]}")
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
