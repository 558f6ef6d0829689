"""What happened, as a named frozen value. The text is constant; what varies is in the fields.

An event is any frozen dataclass with the three class variables of `Event`; parts above this one
declare their own beside the code that reports them. Here are the events of the roles.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol


class Event(Protocol):
    """`name` is kebab-case and stable, `level` one of debug, info, warning, error."""

    name: ClassVar[str]
    text: ClassVar[str]
    level: ClassVar[str]


@dataclass(frozen=True, slots=True)
class RoleStarted:
    name: ClassVar[str] = "role-started"
    text: ClassVar[str] = "the role is ready"
    level: ClassVar[str] = "info"

    role: str
    pid: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RoleStopped:
    name: ClassVar[str] = "role-stopped"
    text: ClassVar[str] = "the role has finished its work and ended"
    level: ClassVar[str] = "info"

    role: str
    pid: int


@dataclass(frozen=True, slots=True)
class RoleCrashed:
    name: ClassVar[str] = "role-crashed"
    text: ClassVar[str] = "the role ended unasked; it is started again after the wait"
    level: ClassVar[str] = "error"

    role: str
    pid: int
    exit_code: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class PlansSwitched:
    name: ClassVar[str] = "plans-switched"
    text: ClassVar[str] = "the role maps by what was activated at this position of the journal"
    level: ClassVar[str] = "info"

    role: str
    position: int


@dataclass(frozen=True, slots=True)
class PlansRefused:
    name: ClassVar[str] = "plans-refused"
    text: ClassVar[str] = (
        "this program cannot compile the mapping that was activated for the site: "
        "it maps by the one before"
    )
    level: ClassVar[str] = "error"

    site: str
    plan: str


@dataclass(frozen=True, slots=True)
class RoleRefused:
    name: ClassVar[str] = "role-refused"
    text: ClassVar[str] = "the role cannot do its work; `concord explain` says what the code means"
    level: ClassVar[str] = "error"

    role: str
    code: str


@dataclass(frozen=True, slots=True)
class AddressRefused:
    """`channel` is empty for the endpoint of the api role."""

    name: ClassVar[str] = "address-refused"
    text: ClassVar[str] = (
        "the role cannot listen there: stop the program that does (`ss -ltnp` names it), "
        "or change host and port in the region file"
    )
    level: ClassVar[str] = "error"

    role: str
    code: str
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class MessageQuarantined:
    name: ClassVar[str] = "message-quarantined"
    text: ClassVar[str] = "a message could not be processed and waits for a person"
    level: ClassVar[str] = "warning"

    site: str
    channel: str
    position: int
    code: str


@dataclass(frozen=True, slots=True)
class ControlIdReused:
    name: ClassVar[str] = "control-id-reused"
    text: ClassVar[str] = "a message came under the control id of another one; both were kept"
    level: ClassVar[str] = "warning"

    site: str
    channel: str
    position: int


@dataclass(frozen=True, slots=True)
class WorkHeld:
    name: ClassVar[str] = "work-held"
    text: ClassVar[str] = "a batch could not be written; nothing of it was, and it is tried again"
    level: ClassVar[str] = "warning"

    role: str
    code: str


@dataclass(frozen=True, slots=True)
class PromptFailed:
    name: ClassVar[str] = "prompt-failed"
    text: ClassVar[str] = (
        "a delivery could not be worked off before its sender was answered; it is in the journal, "
        "and the worker of its partition does it"
    )
    level: ClassVar[str] = "error"

    role: str
    code: str
    error: str
    place: str


@dataclass(frozen=True, slots=True)
class NumbersUnwritten:
    name: ClassVar[str] = "numbers-unwritten"
    text: ClassVar[str] = "the numbers of a role could not be written; the next try may succeed"
    level: ClassVar[str] = "warning"

    role: str
    error: str


@dataclass(frozen=True, slots=True)
class StorageFailed:
    name: ClassVar[str] = "storage-failed"
    text: ClassVar[str] = "the storage failed; nothing is acknowledged until it works again"
    level: ClassVar[str] = "error"

    role: str
    code: str


@dataclass(frozen=True, slots=True)
class RequestFailed:
    name: ClassVar[str] = "request-failed"
    text: ClassVar[str] = "a request failed for a reason of ours"
    level: ClassVar[str] = "error"

    code: str


@dataclass(frozen=True, slots=True)
class AccessRefused:
    """`site` is whose address was asked for, empty for the region's or one that is not ours."""

    name: ClassVar[str] = "access-refused"
    text: ClassVar[str] = "a client was not let in: its token or signature is not the one agreed"
    level: ClassVar[str] = "warning"

    site: str
    code: str


@dataclass(frozen=True, slots=True)
class ClientCutOff:
    name: ClassVar[str] = "client-cut-off"
    text: ClassVar[str] = "a client of the endpoint was waited for in vain and disconnected"
    level: ClassVar[str] = "warning"

    code: str


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """`step_s` is positive when it was set forward."""

    name: ClassVar[str] = "clock-stepped"
    text: ClassVar[str] = (
        "the host's clock was set; work goes on in the order of the journal, but times of arrival "
        "and in log lines jump with it: see that time is synchronised gently"
    )
    level: ClassVar[str] = "warning"

    step_s: float


@dataclass(frozen=True, slots=True)
class RoleHangs:
    name: ClassVar[str] = "role-hangs"
    text: ClassVar[str] = "the role has shown no sign of life and is ended"
    level: ClassVar[str] = "error"

    role: str
    pid: int
    seconds: float
