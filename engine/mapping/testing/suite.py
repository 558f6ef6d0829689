"""The cases of many files run: a plan for each chain and setting, then case by case.

Pure: mappings, tests and fixtures come in as values. What is wrong with a test or with the mapping
under it is a problem with its place; what merely came out otherwise is a difference.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.mapping.library import Library
from engine.mapping.plan import MappingErrors, Plan, compile_plan
from engine.mapping.plugged import NO_FUNCTIONS, Functions
from engine.mapping.probe import Probe
from engine.mapping.problem import Problem, Problems
from engine.mapping.testing import compare, golden
from engine.mapping.testing.case import Case, Setting
from engine.mapping.testing.compare import Difference
from engine.mapping.testing.outcome import Outcome, outcome
from engine.mapping.testing.read import read

Chain = tuple[str, ...]
Chains = Mapping[str, Chain]  # layer -> the layers a test in it runs with


@dataclass(frozen=True, slots=True)
class Bench:
    """A plan for tests, with the probe in it."""

    plan: Plan
    probe: Probe


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case: it holds when nothing differs."""

    case: Case
    found: Outcome
    differences: tuple[Difference, ...]
    bench: Bench

    def silent(self, one: Difference) -> tuple[str, ...]:
        """Return the rules that could have filled what differs, where none did."""
        if one.rules or not one.element:
            return ()
        found = (
            f"{source} at {line}"
            for line, rules in self.bench.probe.rules.items()
            for path, source in rules
            if compare.is_within(path, one.element)
        )
        return tuple(dict.fromkeys(found))


@dataclass(slots=True)
class Suite:
    """What tests run on. Plans are compiled when the first case wants them, and kept."""

    library: Library
    chains: Chains
    files: Mapping[str, bytes]
    problems: Problems = field(default_factory=Problems)
    functions: Functions = NO_FUNCTIONS
    _benches: dict[tuple[Chain, Setting], Bench | None] = field(default_factory=dict)
    _unplaced: set[str] = field(default_factory=set)  # files without a chain, told once

    def run(self, case: Case) -> Result | None:
        """Run a case; None when it could not be run, which is reported."""
        bench = self._bench(case)
        if bench is None:
            return None
        before = len(self.problems)
        found = self.outcome(case, bench)
        if len(self.problems) > before:
            return None
        return Result(case, found, self.differences(case, found), bench)

    def outcome(self, case: Case, bench: Bench) -> Outcome:
        """Return what a plan makes of a case."""
        return outcome(bench.plan, bench.probe, case, self.files, self.problems)

    def differences(self, case: Case, found: Outcome) -> tuple[Difference, ...]:
        """Return how an outcome differs from what the case wants."""
        path = case.golden.path if case.golden else ""
        whole = golden.differences(case, self.files.get(path), found)
        return (*compare.differences(case, found), *whole)

    def benches(self) -> list[Bench]:
        """Return the plans that were compiled."""
        return [bench for bench in self._benches.values() if bench is not None]

    def _bench(self, case: Case) -> Bench | None:
        chain = case.chain or self.chains.get(case.layer, ())
        if not chain:
            message = f"a test in the layer {case.layer} has to name its chain"
            advice = "chain: [base, us, vendor/epic, site/mercy]; the region file says it"
            if case.file not in self._unplaced:
                self._unplaced.add(case.file)
                self.problems.report("E276", case.place, message, advice)
            return None
        key = (chain, case.setting)
        if key not in self._benches:
            self._benches[key] = self._compiled(*key)
        return self._benches[key]

    def _compiled(self, chain: Chain, setting: Setting) -> Bench | None:
        probe, profile = Probe(), setting.profile(chain, self.functions)
        try:
            return Bench(compile_plan(self.library, profile, probe), probe)
        except MappingErrors as error:
            self.problems.add(error.problems)
            return None


def cases_of(tests: Mapping[str, str], known: Collection[str], problems: Problems) -> list[Case]:
    """Return the cases of test files by path; `known` are all files below the mappings folder."""
    return [
        case for file, text in sorted(tests.items()) for case in read(file, text, known, problems)
    ]


def problems_of(tests: Mapping[str, str], known: Collection[str]) -> tuple[Problem, ...]:
    """Return what is wrong with test files, without running them."""
    problems = Problems()
    cases_of(tests, known, problems)
    return problems.own()
