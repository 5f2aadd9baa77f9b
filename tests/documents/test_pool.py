"""The processes that render and seal."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.documents import pool as pool_module
from app.documents.faults import CannotRenderError, TryAgainError
from app.documents.keys import SealKeyError, pinned
from app.documents.machine import LETTERS, LIBRARIES
from app.documents.pool import DocumentPool
from app.documents.verify import verify
from app.settings import Settings
from app.version import ROOT
from bench.samples import sample


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(state_dir=tmp_path_factory.mktemp("pool"))


@pytest.fixture(scope="module")
def pool(settings: Settings) -> Iterator[DocumentPool]:
    pool = DocumentPool(settings)
    yield pool
    pool.close()


def test_a_document_comes_back_sealed_with_what_must_be_recorded(pool: DocumentPool, settings: Settings) -> None:
    made = pool.make(*sample())
    verdict = verify(made.data, pins=pinned(settings))
    assert verdict.is_genuine
    assert (made.sha256, made.pages, made.seal_level) == (verdict.sha256, 2, "B-B")
    assert made.certificate_sha256 == verdict.certificate_sha256


def test_this_machine_has_what_documents_need(pool: DocumentPool) -> None:
    assert pool.check() == ()


def test_a_document_that_can_never_be_made_says_so(pool: DocumentPool) -> None:
    content, bundle = sample()
    with pytest.raises(CannotRenderError) as caught:
        pool.make(replace(content, gp_line="x" * 20_001), bundle)
    assert caught.value.code == "document-too-long"


def test_a_killed_process_is_replaced_and_the_document_may_be_tried_again(pool: DocumentPool) -> None:
    content, bundle = sample()
    pool.make(content, bundle)
    for process in list(pool._executor._processes.values()):
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    with pytest.raises(TryAgainError):
        pool.make(content, bundle)
    assert pool.make(content, bundle).pages == 2


def test_a_killed_service_takes_its_processes_with_it(tmp_path: Path) -> None:
    service = subprocess.Popen(
        [sys.executable, "-m", "on_pool", str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT / "tests"
    )
    assert service.stdout is not None
    child = int(service.stdout.readline())
    service.kill()
    service.wait()
    service.stdout.close()
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "State:\tZ" in Path(f"/proc/{child}/status").read_text():
            return
        time.sleep(0.1)
    pytest.fail("the rendering process outlived the service by ten seconds")


def test_a_key_that_cannot_be_opened_is_told_to_whoever_asks(tmp_path: Path) -> None:
    file = tmp_path / "seal.p12"
    file.write_bytes(b"not a key")
    broken = DocumentPool(Settings(state_dir=tmp_path, seal_pkcs12_file=file))
    try:
        with pytest.raises(SealKeyError, match="SAMEDAY_SEAL_PKCS12_FILE"):
            broken.make(*sample())
        assert "SAMEDAY_SEAL_PKCS12_FILE" in broken.check()[0]
    finally:
        broken.close()


def test_a_closed_pool_leaves_no_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pool = DocumentPool(Settings(state_dir=tmp_path / "state"))
    pool.make(*sample())
    assert list(tmp_path.glob("sameday-documents-*"))
    pool.close()
    assert not list(tmp_path.glob("sameday-documents-*"))


def test_every_library_and_letter_names_the_package_that_has_it() -> None:
    assert all(package.startswith("lib") for package in LIBRARIES.values())
    assert all(package.startswith("fonts-") for package in LETTERS.values())


def test_the_parent_process_need_not_load_the_renderer() -> None:
    assert not {"Press", "Sealer"} & set(vars(pool_module))
