"""A throw-away PostgreSQL server on loopback, for tests and benchmarks."""

import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

OWNER = "sameday"
SERVICE_ROLE = "sameday_service"
"""Owns nothing, as in a real installation: whatever the service does in a test, it does as this role."""


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server that listens on a port of loopback and lets `sameday`, a superuser, and the service in."""

    port: int

    def url(self, database: str) -> str:
        """The address for the service, which owns nothing."""
        return f"postgresql+psycopg://{SERVICE_ROLE}@127.0.0.1:{self.port}/{database}"

    def owner_url(self, database: str) -> str:
        """The address for who makes and migrates databases, and for tests that need such powers."""
        return f"postgresql+psycopg://{OWNER}@127.0.0.1:{self.port}/{database}"

    def add_service_role(self) -> None:
        """Make the service's role. Harmless when it is there."""
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            self.run(f"CREATE ROLE {SERVICE_ROLE} LOGIN")

    def run(self, sql: str) -> None:
        """Run one statement as the superuser, outside any transaction."""
        address = f"host=127.0.0.1 port={self.port} user={OWNER} dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(sql)  # type: ignore[call-overload]


@contextmanager
def postgres_server(home: Path, *, fsync: bool) -> Iterator[Server]:
    """Start a server with its data in `home`; stop it when the block ends. Without fsync it is quick and forgetful."""
    port = free_port()
    home.mkdir(exist_ok=True)
    _run(home, "initdb", "-D", str(home / "data"), "-A", "trust", "-U", OWNER, "--no-sync")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync={fsync} -c max_connections=200"
    _run(home, "pg_ctl", "-D", str(home / "data"), "-o", options, "-l", str(home / "log"), "-w", "start")
    try:
        server = Server(port)
        server.add_service_role()
        yield server
    finally:
        _run(home, "pg_ctl", "-D", str(home / "data"), "-m", "immediate", "stop")


def seeing_all(url: str) -> str:
    """The same address for those who look at what a test did: it sees every row, as the worker and the commands do."""
    return url if url.startswith("sqlite") else f"{url}?options=-csameday.account_id%3Dservice"


def owning(url: str) -> str:
    """The same address for the owner of the tables, for what the service may not do."""
    return url.replace(f"//{SERVICE_ROLE}@", f"//{OWNER}@")


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
