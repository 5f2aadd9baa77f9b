"""A small service with a pool of its own, for a test to kill: prints the id of its rendering process and waits."""

import sys
import time
from pathlib import Path

from app.documents.pool import DocumentPool
from app.settings import Settings


def main() -> None:
    pool = DocumentPool(Settings(state_dir=Path(sys.argv[1])))
    pool.check()
    print(*pool._executor._processes, flush=True)
    time.sleep(60)


if __name__ == "__main__":
    main()
