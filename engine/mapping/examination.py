"""All chains of a library looked through: each that can stand by itself, what they share once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.mapping.library import Library
from engine.mapping.plugged import NO_FUNCTIONS, Functions
from engine.mapping.problem import Problem, Problems
from engine.mapping.program import examine
from engine.mapping.site import SiteProfile
from engine.mapping.strata import Chain, Strata
from engine.mapping.verdicts import Verdicts

BASE = "base"
_OPTIONAL = ("us",)  # below every vendor and site where it exists
_NO_KEY = b"\x00" * 32  # ids are not looked at here
_SITES = "site/"


@dataclass(frozen=True, slots=True)
class Examined:
    """A chain, or those chains on which a site's layer is equally right, and what is wrong."""

    name: str
    problems: tuple[Problem, ...]


def layers(library: Library) -> list[str]:
    """Return the folders that hold mapping files, `a` or `a/b` below vendor and site."""
    found: dict[str, None] = {}
    for path, _ in library.files:
        parts = path.split("/")
        if len(parts) > 1:
            deep = parts[0] in {"vendor", "site"} and len(parts) > 2
            found["/".join(parts[:2]) if deep else parts[0]] = None
    return list(found)


def chains(library: Library) -> Iterator[Chain]:
    """Yield each chain that can be compiled by itself: the base, and each layer upon it.

    Which vendor lies below a site, the region file says; here a site stands on each vendor that
    compiles with it, so a site's layer is checked when it fits one.
    """
    known = layers(library)
    below = (BASE, *(name for name in _OPTIONAL if name in known))
    yield (BASE,)
    if len(below) > 1:
        yield below
    for name in known:
        if name not in below and not name.startswith(_SITES):
            yield (*below, name)


class Examination:
    """Looks through chains of one library; `known` is that of one which differs in a few files."""

    def __init__(
        self,
        library: Library,
        known: "Examination | None" = None,
        functions: Functions = NO_FUNCTIONS,
    ) -> None:
        self._library = library
        self._functions = functions
        self._strata: Strata = Strata(library, known._strata if known else None)
        self._verdicts: Verdicts = known._verdicts if known else Verdicts()

    def problems(self, chain: Chain) -> tuple[Problem, ...]:
        """Return what is wrong with a chain."""
        profile = SiteProfile("check", "UTC", chain, _NO_KEY, functions=self._functions)
        return examine(self._strata, profile, self._verdicts)

    def one(self, chain: Sequence[str]) -> Iterator[Examined]:
        """Look through one chain."""
        yield Examined(" + ".join(chain), self.problems(tuple(chain)))

    def every(self) -> Iterator[Examined]:
        """Look through every chain, and through each site on the chains that it may stand on."""
        lower: dict[Chain, tuple[Problem, ...]] = {}
        for chain in chains(self._library):
            lower[chain] = self.problems(chain)
            yield Examined(" + ".join(chain), lower[chain])
        for name in layers(self._library):
            if name.startswith(_SITES):
                yield self._on_best(name, lower)

    def _on_best(self, site: str, lower: Mapping[Chain, tuple[Problem, ...]]) -> Examined:
        """Return the chains upon which a site's layer has the fewest problems, as one name.

        Of several the longest, which differ in their last layer: a small overlay fits every vendor.
        """
        missed = {chain: self._missed(chain, site) for chain in lower}
        least = min(missed.values())
        found = {
            chain: tuple(one for one in self.problems((*chain, site)) if one not in known)
            for chain, known in lower.items()
            if missed[chain] == least  # the others lack what the site's layer changes
        }
        best = min((len(problems), -len(chain)) for chain, problems in found.items())
        fitting = [chain for chain, own in found.items() if (len(own), -len(chain)) == best]
        tops = " | ".join(chain[-1] for chain in fitting)
        top = f"({tops})" if len(fitting) > 1 else tops
        return Examined(" + ".join((*fitting[0][:-1], top, site)), found[fitting[0]])

    def _missed(self, chain: Chain, site: str) -> int:
        """Return how many problems it makes to put a site's layer upon a chain."""
        below, whole = Problems(), Problems()
        self._strata.effective(chain, below)
        self._strata.effective((*chain, site), whole)
        return len(whole) - len(below)


def distinct(problems: Iterable[Problem]) -> list[Problem]:
    """Return each mistake once: chains may advise differently about the same one."""
    found: dict[tuple[object, ...], Problem] = {}
    for one in problems:
        found.setdefault((one.place, one.code, one.message), one)
    return list(found.values())
