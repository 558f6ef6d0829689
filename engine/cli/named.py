"""What people name on the command line, and what they are told when there is no such thing."""

from collections.abc import Collection

from engine.core.fault import Category, refuse
from engine.core.problem import suggestion


def require_site(name: str, sites: Collection[str]) -> None:
    """FaultError `unknown-site`, with the sites there are."""
    if name not in sites:
        hint = suggestion(name, sites) or f"sites: {', '.join(sites)}"
        message = f"the region file has no such site; {hint}"
        raise refuse(Category.NOT_FOUND, "unknown-site", message, f"--site {name}")
