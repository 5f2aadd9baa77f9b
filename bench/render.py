"""How fast a document is rendered and sealed, against yardsticks measured in the same run.

`python -m bench.render [--documents N]` prints processor time (user and system, median) and ratios beside the
targets of design, section 7. Processor time is used because other programs on the machine disturb it least.
"""

import argparse
import gc
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import typst
from rich.console import Console
from rich.table import Table
from weasyprint import HTML

from app.documents.content import DocumentContent
from app.documents.machine import calm_collector
from app.documents.pool import DocumentPool
from app.documents.render import Press
from app.documents.scan import check_nothing_active
from app.documents.seal import open_sealer
from app.settings import Settings
from bench.samples import sample
from bench.yardstick import typst_source

ROUNDS = 9


def main() -> None:
    """Measure everything and print one table. Ends with 1 when a target is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=int, default=120, help="documents for the memory figure")
    count = options.parse_args().documents
    with tempfile.TemporaryDirectory() as folder:
        table, missed = measured(Path(folder), count)
    Console(width=118).print(table)
    sys.exit(1 if missed else 0)


def measured(folder: Path, count: int) -> tuple[Table, int]:
    """All figures, and how many targets were missed."""
    settings = Settings(state_dir=folder / "state", render_workers=1)
    content, bundle = sample()
    press, sealer = Press(), open_sealer(settings)
    (folder / "page.html").write_text(with_style(press, content))
    source = typst_source(content)
    unsealed = press.render(content, bundle).data
    sealer.seal(unsealed, reason="warm-up")
    calm_collector()
    took = side_by_side(
        {
            "full": lambda: press.render(content, bundle),
            "scan": lambda: check_nothing_active(unsealed, attachment=f"{content.file_stem}.json"),
            "plain": lambda: plain_pdf(press, content),
            "seal": lambda: sealer.seal(unsealed, reason="bench"),
            "typst": lambda: typst.compile(source.encode() + f"// {time.time_ns()}".encode(), pdf_standards=["a-3a"]),
        }
    )
    cold = statistics.median(cold_command(folder) for _ in range(5))
    one, two = throughput(settings, content, bundle, 1), throughput(settings, content, bundle, 2)
    growth = growth_for_each(press, content, bundle, count)
    return report(took, cold, one, two, growth, len(unsealed), count)


def plain_pdf(press: Press, content: DocumentContent) -> bytes:
    """The same page by the same warm fonts and styles, but as an ordinary PDF: no tags, no attachment, no checks."""
    page = HTML(string=press.html(content), url_fetcher=press.fetcher)
    return bytes(page.write_pdf(stylesheets=press.style(content), font_config=press.fonts))


def with_style(press: Press, content: DocumentContent) -> str:
    """The page with its style sheets inside, for the command."""
    from app.documents.render import TEMPLATES

    sheets = (TEMPLATES / "shared/page.css", TEMPLATES / "cp-medical-outcome/1/outcome.css")
    style = "".join(sheet.read_text("utf-8") for sheet in sheets)
    return press.html(content).replace("</head>", f"<style>{style}</style></head>")


def side_by_side(works: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Median processor time of each, in ms; taken in turns, so that a busy minute hits all alike."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            gc.collect()
            before = time.process_time()
            work()
            took[name].append((time.process_time() - before) * 1000)
    return {name: statistics.median(times) for name, times in took.items()}


def cold_command(folder: Path) -> float:
    """Processor time of the `weasyprint` command on the same page, in ms."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "weasyprint", "-q", folder / "page.html", folder / "page.pdf"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def throughput(settings: Settings, content: DocumentContent, bundle: dict[str, Any], workers: int) -> float:
    """Sealed documents a second (wall clock) with so many processes, all warm."""
    pool = DocumentPool(settings.model_copy(update={"render_workers": workers}))
    try:
        with ThreadPoolExecutor(workers * 2) as threads:
            list(threads.map(lambda _: pool.make(content, bundle), range(workers * 4)))
            before = time.perf_counter()
            list(threads.map(lambda _: pool.make(content, bundle), range(12 * workers)))
            return 12 * workers / (time.perf_counter() - before)
    finally:
        pool.close()


def growth_for_each(press: Press, content: DocumentContent, bundle: dict[str, Any], count: int) -> float:
    """KiB of resident memory that each document leaves behind, after 50 to warm up."""
    for number in range(50):
        press.render(replace(content, content_sha256=f"{number:064}"), bundle)
    gc.collect()
    before = resident_kib()
    for number in range(count):
        press.render(replace(content, content_sha256=f"{number:064}"), bundle)
    gc.collect()
    return (resident_kib() - before) / count


def resident_kib() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024


def report(
    took: dict[str, float], cold: float, one: float, two: float, growth: float, size: int, count: int
) -> tuple[Table, int]:
    """The table, with the target beside each figure, and how many were missed."""
    full, plain, seal, scan = took["full"], took["plain"], took["seal"], took["scan"]
    rows = [
        ("warm render / cold `weasyprint` command", full / cold, "<=", 0.30, f"{full:.0f} / {cold:.0f} ms"),
        (
            "full conformance without the scan / plain",
            (full - scan) / plain,
            "<=",
            1.20,
            f"({full:.0f} - {scan:.0f}) / {plain:.0f} ms",
        ),
        ("render / Typst, same content", full / took["typst"], "<=", 12.0, f"{full:.0f} / {took['typst']:.0f} ms"),
        ("seal / render", seal / full, "<=", 0.15, f"{seal:.0f} / {full:.0f} ms"),
        ("two workers / one", two / one, ">=", 1.8, f"{two:.2f} / {one:.2f} documents a second"),
        (f"memory for each of {count} documents, KiB", growth, "<=", 10.0, ""),
        ("unsealed size, KiB", size / 1024, "<=", 60.0, ""),
    ]
    table, missed = Table(title="Rendering and sealing, case 2 (two pages)"), 0
    for heading in ("figure", "measured", "target", "", "of"):
        table.add_column(heading)
    for name, value, sign, target, of in rows:
        met = value <= target if sign == "<=" else value >= target
        missed += not met
        table.add_row(name, f"{value:.2f}", f"{sign} {target:g}", "met" if met else "MISSED", of)
    return table, missed


if __name__ == "__main__":
    main()
