"""What has changed in a database, so that a test can say: nothing. Counted by triggers, which miss nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from serving import FORGOTTEN, Service
from sqlalchemy import Connection, inspect
from sqlalchemy.engine.reflection import Inspector

# A call of a person keeps their session open; that is no change of what the service keeps.
OF_THE_CALL = {"sign_in_session": frozenset({"last_action_at"})}
COUNTS = "rows_changed"

_COUNT_ON_POSTGRESQL = f"""
CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN UPDATE public.{COUNTS} SET changes = changes + 1 WHERE name = TG_TABLE_NAME; RETURN NULL; END $$
"""


@dataclass
class Rows:
    """How often rows of each table were added, changed or removed. What is rolled back does not count.

    Left out: the audit, kept answers, and when a session was last used.
    """

    service: Service

    def __post_init__(self) -> None:
        with self.service.as_owner() as owner:
            if COUNTS not in inspect(owner).get_table_names():
                for statement in _statements(owner):
                    owner.exec_driver_sql(statement)

    def now(self) -> dict[str, int]:
        """Table -> how many changes there were."""
        return dict(self.service.rows(f"SELECT name, changes FROM {COUNTS}"))

    def denials(self) -> int:
        """How many refusals are in the audit."""
        return int(self.service.rows("SELECT COUNT(*) FROM audit_event WHERE result = 'denied'")[0][0])


def _statements(owner: Connection) -> Iterator[str]:
    is_postgresql, looked = owner.dialect.name == "postgresql", inspect(owner)
    yield f"CREATE TABLE {COUNTS} (name TEXT PRIMARY KEY, changes INTEGER NOT NULL DEFAULT 0)"
    if is_postgresql:
        yield f"GRANT SELECT ON {COUNTS} TO PUBLIC"
        yield _COUNT_ON_POSTGRESQL
    for schema in (None, "dbos") if is_postgresql else (None,):
        for name in looked.get_table_names(schema):
            if name not in FORGOTTEN | {COUNTS}:
                yield f"INSERT INTO {COUNTS} (name) VALUES ('{name}')"
                yield from _triggers(looked, schema, name, is_postgresql=is_postgresql)


def _triggers(looked: Inspector, schema: str | None, name: str, *, is_postgresql: bool) -> Iterator[str]:
    columns = {str(one["name"]) for one in looked.get_columns(name, schema)} - OF_THE_CALL.get(name, frozenset())
    table = f'"{schema}"."{name}"' if schema else f'"{name}"'
    if is_postgresql:
        act = "EXECUTE FUNCTION public.count_change()"
    else:
        act = f"BEGIN UPDATE {COUNTS} SET changes = changes + 1 WHERE name = '{name}'; END"
    update = "UPDATE OF " + ", ".join(f'"{one}"' for one in sorted(columns))
    for when, event in (("insert", "INSERT"), ("delete", "DELETE"), ("update", update)):
        yield f'CREATE TRIGGER "count_{when}_{name}" AFTER {event} ON {table} FOR EACH ROW {act}'
