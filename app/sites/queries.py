"""Pilot sites and their policies."""

from uuid import UUID

from sqlmodel import Session, col, select

from app.errors import DomainError
from app.sites.rules import SitePolicy, policy_from
from app.sites.tables import Site


def sites(session: Session, *, after: UUID | None = None, limit: int | None = None) -> list[Site]:
    """Every site, by code; or a page, at most `limit` that follow the one with the id `after`."""
    wanted = select(Site).order_by(Site.code).limit(limit)
    if after is not None:
        wanted = wanted.where(col(Site.code) > select(Site.code).where(Site.id == after).scalar_subquery())
    return list(session.exec(wanted))


def site_by_code(session: Session, code: str) -> Site:
    """The site with this code. Raises unknown-site."""
    site = session.exec(select(Site).where(Site.code == code)).one_or_none()
    if site is None:
        raise DomainError("unknown-site", "There is no site with this code.")
    return site


def site_by_id(session: Session, site_id: UUID) -> Site:
    """The site with this id, which must exist."""
    return session.get_one(Site, site_id)


def policy_of(site: Site) -> SitePolicy:
    """The site's policy as rules understand it."""
    return policy_from(site.policy)
