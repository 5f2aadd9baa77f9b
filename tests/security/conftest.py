"""The running service of these tests."""

from serving import embedded_service as embedded_service
from serving import postgresql_service as postgresql_service
from serving import service as service
