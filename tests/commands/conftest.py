"""The owner's reach, and the running service, for the commands that look at what people did."""

from serving import embedded_service as embedded_service
from tampering import owner as owner
from tampering import tamper as tamper
