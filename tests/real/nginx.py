"""nginx: the server most services meet, with keep-alive, TLS and HTTP/2 of its own."""

import getpass
import os
from pathlib import Path

import trustme

from tests.real.debian import program
from tests.real.process import Server, free_port

CONFIG = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_timeout 5s;
    keepalive_requests 100;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl http2;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/cert.pem;
        location / {{ default_type text/plain; return 200 "$host $server_port $connection $connection_requests\\n"; }}
        location /status/503 {{ return 503; }}
        location /status/429 {{ add_header Retry-After 1 always; return 429; }}
        location /close {{ keepalive_timeout 0; return 200 "bye\\n"; }}
        location /files/ {{ root {folder}; }}
    }}
}}
"""


class Nginx:
    """Answers on `port` (HTTP/1.1) and `tls_port` (TLS, HTTP/1.1 and 2) of 127.0.0.1.

    `/` tells host, port, number of the connection and of the request on it; `/status/503`, `/status/429` (with
    Retry-After), `/close` (no keep-alive); a file put into `files` is served under `/files/`. `ca` signs for localhost
    and 127.0.0.1. A connection is kept for 5 s and 100 requests.
    """

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        self.files.mkdir()
        self.port, self.tls_port = free_port(), free_port()
        self.ca = folder / "ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "cert.pem")
        user = f"user {getpass.getuser()};" if os.getuid() == 0 else ""
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=self.port, tls_port=self.tls_port, user=user))
        command = [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(config)]
        self.server = Server(command, self.port, folder)

    def stop(self) -> None:
        self.server.stop()
