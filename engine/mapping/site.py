"""What a mapping has to know about a site: its zone, its chain of layers, its key for ids."""

from dataclasses import dataclass

from engine.mapping.plugged import NO_FUNCTIONS, Functions


@dataclass(frozen=True, slots=True)
class SiteProfile:
    """One site of the region, as the mapping sees it."""

    name: str
    timezone: str  # IANA name; times without offset are in it
    chain: tuple[str, ...]  # layers of mapping files, lowest first: ("base", "vendor/epic")
    id_key: bytes  # key of the region's HMAC ids; never part of a plan's id
    charset: str = "utf-8"  # for messages without MSH-18
    require_control_id: bool = False  # refuse a message without MSH-10
    processing: tuple[str, ...] = ("", "P")  # MSH-11 values that are taken; others are filtered
    functions: Functions = NO_FUNCTIONS  # of plug-ins, beside those of the language
    fetches: bool = False  # a channel gets what events only name; no matter of the mapping
