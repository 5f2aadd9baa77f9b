"""`python -m demo`: starts everything, plays the fifteen cases, shows how they ended, and then keeps serving."""

import argparse
import os
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from demo.cases import Case, load_cases
from demo.checks import Ending, judge
from demo.client import Api, RefusedError
from demo.play import Stage, play
from demo.report import failures_of, progress, table_of
from demo.service import ROOT, Service, StartError


def main() -> int:
    """Exit code: 0 when every case ended as expected, 1 when one did not, 2 when nothing could be played."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 160)
    signal.signal(signal.SIGTERM, _interrupt)
    if options.folder.exists():
        shutil.rmtree(options.folder)
    service = Service(options.folder)
    status = console.status("Starting the service and the mail server")
    status.start()
    try:
        with service:
            status.stop()
            failures = show(console, service)
            if not options.once:
                _keep_serving(console, service)
    except StartError as error:
        status.stop()
        console.print(str(error), style="red", markup=False)
        return 2
    except KeyboardInterrupt:
        return 130
    return 1 if failures else 0


def show(console: Console, service: Service) -> list[str]:
    """Play every case and print the table and what went wrong; the latter is returned."""
    cases = load_cases(datetime.now(UTC))
    endings: list[Ending] = []
    stopped: dict[int, list[str]] = {}
    with Api(service.base_url, service.tokens, service.people) as api, progress(console, cases) as (tell, done):
        stage = Stage(api, service.folder / "documents")
        for case in cases:
            stopped[case.number] = play(case, stage, tell)
            if not stopped[case.number]:
                tell(f"case {case.number}: comparing with what is expected")
                endings += _judged(case, stage, stopped)
            done()
    failures = failures_of(endings, stopped)
    if shutil.which("pdftotext") is None:
        failures.append("The words inside the PDFs were not compared: install poppler-utils.")
    console.print(table_of(endings))
    mails = len(service.mail.files())
    console.print(f"{mails} mails were taken. PDFs and mails are in {os.path.relpath(service.folder)}")
    for failure in failures:
        console.print(failure, style="red", markup=False)
    console.print("Not every case ended as expected." if failures else "Every case ended as Appendix (b) says.")
    return failures


def _judged(case: Case, stage: Stage, stopped: dict[int, list[str]]) -> list[Ending]:
    try:
        return [judge(case, key, stage) for key in case.expected]
    except RefusedError as refusal:
        stopped[case.number].append(str(refusal))
        return []


def _keep_serving(console: Console, service: Service) -> None:
    console.print(f"\nServing at {service.base_url} until Ctrl-C. Sign in with a token, for example:")
    for email, token in sorted(service.tokens.items()):
        if email.split("@")[0] in ("asha.kerrin", "priya.dunmore", "nell.marsh", "demo.admin"):
            console.print(f"  {email}  {token}", highlight=False)
            example = token
    console.print("  all others: tokens.json in the same folder", highlight=False)
    console.print("Signing needs a person who has signed in: passwords and app secrets are in people.json.\nTry:")
    console.print(
        f"  curl -H 'Authorization: Bearer {example}' '{service.base_url}/api/v1/inbox?state=all'",
        highlight=False,
        soft_wrap=True,
    )
    service.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the play; the exit code says how it ended")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "demo", help="emptied first (default: var/demo)")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    if options.folder.exists() and not (options.folder / "sameday.db").exists() and any(options.folder.iterdir()):
        parser.error(f"{options.folder} is not a folder of the demonstration, so it will not be emptied.")
    return options


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
