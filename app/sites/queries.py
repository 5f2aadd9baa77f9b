"""Pilot sites and their policies."""

from uuid import UUID

from sqlmodel import Session, select

from app.errors import DomainError
from app.sites.rules import SitePolicy, policy_from
from app.sites.tables import Site


def sites(session: Session) -> list[Site]:
    """Every site, by code."""
    return list(session.exec(select(Site).order_by(Site.code)))


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
