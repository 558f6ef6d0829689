"""Watches the TLS files of a listener while it runs: renewal, days left, warnings in time.

Looks once a second at the files' times. A renewed certificate holds for connections that begin
afterwards; those that stand keep what they agreed on.
"""

import ssl

from channels.tls import RenewableTls, TlsIn
from engine.core.fault import FaultError
from engine.plugin.event import CertificateNoticed
from engine.plugin.protocol import Surroundings

EVERY_S = 1.0
_WARNINGS = (
    (0, "certificate-expired"),
    (1, "certificate-1-day-left"),
    (7, "certificate-7-days-left"),
    (30, "certificate-30-days-left"),
)


class TlsWatch:
    """The context of one listener, kept fresh. `tick` is called often."""

    def __init__(self, settings: TlsIn, place: Surroundings) -> None:
        """FaultError when the files cannot be used."""
        self._place = place
        self._tls = RenewableTls(settings, place.clock.now_us())
        self._told = ""
        self._due_s = 0.0
        self._count_days()

    @property
    def context(self) -> ssl.SSLContext:
        return self._tls.current.context

    def tick(self, now_s: float) -> None:
        """Look at the files if it is time to; `now_s` is the loop's clock."""
        if now_s < self._due_s:
            return
        self._due_s = now_s + EVERY_S
        try:
            if self._tls.renew(self._place.clock.now_us()):
                self._report("certificate-renewed")
        except FaultError as error:
            self._report(error.fault.code)
        self._count_days()

    def _count_days(self) -> None:
        days = self._tls.current.days_left(self._place.clock.now_us())
        self._place.tally.certificate_days = round(days, 2)
        code = next((code for limit, code in _WARNINGS if days <= limit), "")
        if code and code != self._told:
            self._report(code)
        self._told = code

    def _report(self, code: str) -> None:
        place = self._place
        place.report(CertificateNoticed(place.channel, place.site, code))
