from datetime import datetime

import pytest
from signed import Story, begin_story

from app.db import Transaction


@pytest.fixture
def story(transaction: Transaction, now: datetime) -> Story:
    return begin_story(transaction, now)
