"""A throw-away PostgreSQL server on loopback, for tests and benchmarks."""

import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server that listens on a port of loopback and lets `sameday` in."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://sameday@127.0.0.1:{self.port}/{database}"

    def run(self, sql: str) -> None:
        address = f"host=127.0.0.1 port={self.port} user=sameday dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(sql)  # type: ignore[call-overload]


@contextmanager
def postgres_server(home: Path, *, fsync: bool) -> Iterator[Server]:
    """Start a server with its data in `home`; stop it when the block ends. Without fsync it is quick and forgetful."""
    port = free_port()
    home.mkdir(exist_ok=True)
    _run(home, "initdb", "-D", str(home / "data"), "-A", "trust", "-U", "sameday", "--no-sync")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync={fsync} -c max_connections=200"
    _run(home, "pg_ctl", "-D", str(home / "data"), "-o", options, "-l", str(home / "log"), "-w", "start")
    try:
        yield Server(port)
    finally:
        _run(home, "pg_ctl", "-D", str(home / "data"), "-m", "immediate", "stop")


def free_port() -> int:
    """A port on loopback that nobody listened on a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _run(home: Path, command: str, *args: str) -> None:
    program = next(Path("/usr/lib/postgresql").glob(f"*/bin/{command}"), None)
    if program is None:
        raise RuntimeError("PostgreSQL's server programs are missing: apt-get install postgresql")
    as_owner: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        for folder in home.parents:  # it must be able to walk down to its home
            if not folder.stat().st_mode & stat.S_IXOTH:
                folder.chmod(folder.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
        shutil.chown(home, "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]
    subprocess.run([*as_owner, str(program), *args], check=True, capture_output=True, cwd="/")
