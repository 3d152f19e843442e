"""Two web processes, each of which can be stopped, behind nginx with the configuration of the documentation."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.serving import SECRET

DOCUMENTED = Path(__file__).parents[2] / "deploy" / "nginx.conf"
FRAME = """
{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    include {folder}/toprank.conf;
}}
"""


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return when something listens."""
    for _ in range(600):
        assert process.poll() is None, "it did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("nothing answered within a minute")


class Proxied:
    """`close` ends all that `start` began; `folder` has nginx's files, a certificate and logs."""

    def __init__(self, folder: Path, database_url: str, store: Path) -> None:
        self.folder, self.database_url, self.store = folder, database_url, store
        self.ports = {name: free_port() for name in ("8001", "8002", "80", "443")}
        self.web: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Bring everything up."""
        self.certificate = self._make_certificate()
        for name in ("8001", "8002"):
            self.start_web(name)
        self.folder.joinpath("toprank.conf").write_text(self._configuration())
        user = "user root;" if os.geteuid() == 0 else ""  # else it could not write what it is not to write
        self.folder.joinpath("nginx.conf").write_text(FRAME.format(folder=self.folder, user=user))
        self.nginx = subprocess.Popen(["nginx", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")])
        wait_for(self.ports["443"], self.nginx)

    @property
    def address(self) -> str:
        """Where people reach it."""
        return f"https://localhost:{self.ports['443']}"

    def start_web(self, name: str) -> None:
        """Start one of the web processes."""
        environment = os.environ | {
            "DATABASE_URL": self.database_url,
            "TOPRANK_SECRET_KEY": SECRET,
            "TOPRANK_STORE": str(self.store),
            "TOPRANK_TRUSTED_PROXIES": "127.0.0.1",
            "TOPRANK_UPLOAD_MARGIN_GB": "0",
        }
        command = [sys.executable, "-m", "cli.main", "serve", "--port", str(self.ports[name])]
        self.web[name] = subprocess.Popen(command, env=environment)
        wait_for(self.ports[name], self.web[name])

    def restart_in_turn(self) -> None:
        """SIGTERM one web process, wait for its end, start it anew; then the other, as an upgrade does."""
        for name, process in list(self.web.items()):
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
            self.start_web(name)

    def close(self) -> None:
        """End what runs."""
        for process in (self.nginx, *self.web.values()):
            process.terminate()
        for process in (self.nginx, *self.web.values()):
            process.wait(timeout=20)

    def _configuration(self) -> str:
        """The documented one on other ports, with files of the test's own."""
        text = DOCUMENTED.read_text()
        for written, here in {
            "127.0.0.1:8001": f"127.0.0.1:{self.ports['8001']}",
            "127.0.0.1:8002": f"127.0.0.1:{self.ports['8002']}",
            "listen 80;": f"listen 127.0.0.1:{self.ports['80']};",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.ports['443']} ssl;",
            "toprank.example.org": "localhost",
            "/etc/ssl/toprank.crt": str(self.certificate),
            "/etc/ssl/private/toprank.key": str(self.folder / "key.pem"),
            "/var/log/nginx/toprank.log": str(self.folder / "access.log"),
        }.items():
            assert written in text, written
            text = text.replace(written, here)
        return text

    def _make_certificate(self) -> Path:
        certificate = self.folder / "certificate.pem"
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        keys = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(self.folder / "key.pem"), "-out", str(certificate)]
        subprocess.run(["openssl", "req", "-x509", "-days", "2", *keys, *names], check=True, capture_output=True)
        return certificate
