"""Kill the service at any moment: nothing lost, nothing told twice under a new id.

`script/crash --kills 100 --database sqlite` runs the same with more kills.
"""

import dataclasses
import os
import secrets
from pathlib import Path

import crash

KILLS = int(os.environ.get("SAMEDAY_CRASH_KILLS", "5"))
SEED = int(os.environ.get("SAMEDAY_CRASH_SEED", "0")) or secrets.randbits(32)


def test_nothing_is_lost_and_nothing_told_under_a_new_id(database_url: str, tmp_path: Path) -> None:
    report = crash.run(database_url, tmp_path, kills=KILLS, seed=SEED)
    print(dataclasses.asdict(report) | {"faults": report.faults[:20]})
    assert report.faults[:20] == []
    assert report.signed > 0, (report, (tmp_path / "service.log").read_text("utf-8")[-3000:])
    assert sum(report.kills.values()) == KILLS
