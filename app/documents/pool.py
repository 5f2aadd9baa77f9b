"""Renders and seals in processes of its own: the API process holds no key, loads no Pango, and stays quick.

Each process is spawned, polite (nice 10), has its own temporary folder, and limits on memory and on processor
time; it opens the key and warms up before its first document. A process that dies is replaced, and the document
it was making may be tried again. This module imports nothing heavy: that happens in the new process.
"""

import hashlib
import multiprocessing
import os
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from app.documents.content import DocumentContent
from app.documents.faults import CannotRenderError, TryAgainError
from app.settings import Settings

if TYPE_CHECKING:
    from app.documents.render import Press
    from app.documents.seal import Sealer

NICE = 10
# security.md, 5.1: one document may use this much memory and this many seconds of processor time.
MEMORY_BYTES = 1024**3
CPU_SECONDS = 20
# In the queue and at work together; a full queue of 60 documents drains in well under this.
WAIT_SECONDS = 120
# A belt against slow leaks: 3.9 KiB for each document were measured (pdf.md, 5).
DOCUMENTS_PER_PROCESS = 1000

PROCESS_ENDED = "The process that makes documents ended or took too long."

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class SealedDocument:
    """A finished document. sha256: of all its bytes, in hex. seal_note: why the level is not higher, or None."""

    data: bytes
    sha256: str
    pages: int
    seal_level: str
    seal_note: str | None
    certificate_sha256: str


class DocumentPool:
    """`settings.render_workers` processes. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._folder = Path(tempfile.mkdtemp(prefix="sameday-documents-"))
        self._executor = self._started()

    def make(self, content: DocumentContent, bundle: dict[str, Any]) -> SealedDocument:
        """Render and seal one document.

        Raises CannotRenderError when this content can never become one, TryAgainError when the process died
        or was too slow, and the process's own complaint (such as SealKeyError) when it could not start.
        """
        return self._done_by_process(_make, content, bundle)

    def check(self) -> tuple[str, ...]:
        """What an operator should put right before documents can be made: packages, fonts, the seal key."""
        return self._done_by_process(_check)

    def close(self) -> None:
        """End the processes, after the documents at work, and remove what they left."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _done_by_process(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        with self._lock:
            executor = self._executor
        try:
            future: Future[Answer] = executor.submit(work, *arguments)
        except RuntimeError as error:  # found broken already, perhaps by another thread
            self._replace(executor)
            raise TryAgainError(PROCESS_ENDED) from error
        try:
            return future.result(timeout=WAIT_SECONDS)
        except (BrokenProcessPool, CancelledError, FutureTimeoutError) as error:
            self._replace(executor)
            raise TryAgainError(PROCESS_ENDED) from error

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        """Start anew, once, however many threads notice."""
        with self._lock:
            if self._executor is broken:
                for process in list((broken._processes or {}).values()):
                    process.kill()
                broken.shutdown(wait=False, cancel_futures=True)
                self._executor = self._started()

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=self.settings.render_workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self.settings, str(self._folder)),
            max_tasks_per_child=DOCUMENTS_PER_PROCESS,
        )


@dataclass(frozen=True, slots=True)
class _Bench:
    """What one process works with."""

    press: "Press"
    sealer: "Sealer"
    is_test_seal: bool
    service_name: str


_bench: _Bench | Exception = RuntimeError("This process was not begun by the pool")


def _begin(settings: Settings, folder: str) -> None:
    """First thing in a new process. A failure is kept and told to whoever asks for a document."""
    global _bench
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(NICE)
    tempfile.tempdir = tempfile.mkdtemp(dir=folder)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the key
    try:
        _bench = _prepared(settings)
    except Exception as error:  # noqa: BLE001  whatever it is, the caller of `make` must hear of it
        _bench = error


def _end_with_parent() -> None:
    """A killed service must not leave processes that hold its key. They would never notice by themselves: each
    has both ends of the pipe. (PR_SET_PDEATHSIG would act on the end of the starting thread, not of the process.)
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepared(settings: Settings) -> _Bench:
    from app.documents import machine

    machine.check_packages()
    with machine.without_compiler_calls():
        from app.documents.render import Press
    from app.documents.keys import is_self_made
    from app.documents.seal import open_sealer

    press, sealer = Press(), open_sealer(settings)
    sealer.seal(machine.rendered_sample(press), reason="warm-up")
    machine.calm_collector()
    return _Bench(press, sealer, is_self_made(settings), settings.service_name)


def _at_work() -> _Bench:
    if isinstance(_bench, Exception):
        raise _bench
    return _bench


def _make(content: DocumentContent, bundle: dict[str, Any]) -> SealedDocument:
    bench = _at_work()
    _limit_processor_time()
    try:
        rendered = bench.press.render(replace(content, is_test_seal=bench.is_test_seal), bundle)
    except (MemoryError, RecursionError) as error:
        raise CannotRenderError("document-too-long", "The document needs more memory than it may have.") from error
    sealed = bench.sealer.seal(rendered.data, reason=f"Sealed by {bench.service_name} for {content.signed.by}")
    return SealedDocument(
        data=sealed.data,
        sha256=hashlib.sha256(sealed.data).hexdigest(),
        pages=rendered.pages,
        seal_level=sealed.level,
        seal_note=sealed.note,
        certificate_sha256=sealed.certificate_sha256,
    )


def _check() -> tuple[str, ...]:
    from app.documents import machine

    if isinstance(_bench, Exception):
        return (str(_bench),)
    return (*machine.missing_fonts(_bench.press), *machine.seal_complaints(_bench.sealer))


def _limit_processor_time() -> None:
    """Allow this document its share beyond what the process has used. Past it the system ends the process."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + CPU_SECONDS, hard))
