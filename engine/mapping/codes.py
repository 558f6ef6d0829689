"""Every code a mapping file can be refused with: the cause, and what to do."""

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "E110": (
            "A chain names a layer that holds no mapping file.",
            "A layer is a folder below the mappings folder, such as vendor/epic; check its name.",
        ),
        "E111": (
            "A key is not known at this place.",
            "Correct the spelling; LANGUAGE.md lists the keys of each document and form.",
        ),
        "E112": (
            "A key that the document or form needs is missing.",
            "Add it; LANGUAGE.md shows each form with an example.",
        ),
        "E113": (
            "Something of another shape is needed here: a text, a list, a mapping, a certain word.",
            "Write it as the message says.",
        ),
        "E114": (
            "The document does not begin with `map: v1` and one of the known kinds.",
            "Kinds are message, resource, datatype, codemap, csv, fhir, identity, overlay, tests.",
        ),
        "E115": (
            "Two layers, or two documents of one layer, define the same map or message.",
            "Change the lower layer's in an overlay, or give this one a name of its own.",
        ),
        "E120": (
            "A change of an overlay hits nothing: no such map, path or label in the layers below.",
            "Labels may have been renamed there; `concord check` names the nearest.",
        ),
        "E201": (
            "The text is not an expression.",
            "See section 5 of LANGUAGE.md; quote texts, and what has commas inside [ ] or { }.",
        ),
        "E202": (
            "The segment does not exist, or has no field of this number.",
            "Check the number; declare Z segments in an overlay under `segments`.",
        ),
        "E203": (
            "The FHIR type has no element of this name.",
            "Use the R4 name as JSON writes it; choices carry their type, as in onsetDateTime.",
        ),
        "E204": (
            "The HL7 data type has fewer components.",
            "Look the data type up; a field's type is that of HL7 2.8.2.",
        ),
        "E205": (
            "The function does not exist, or takes another number of arguments.",
            "Section 5 of LANGUAGE.md lists all functions.",
        ),
        "E206": (
            "A bare word has no meaning.",
            'Put texts in quotes ("MR"); words are `received`, `$site.name` and `$site.timezone`.',
        ),
        "E207": (
            "What follows `matches` is not an RE2 pattern in quotes.",
            "RE2 has no look-around and no back references; quote the pattern.",
        ),
        "E208": (
            "`$` stands for the repetition of an `each` or of a [condition], and here is none.",
            "Put the rule below an `each:`, or write the field.",
        ),
        "E210": (
            "No layer of the chain has a code table of this name.",
            "Tables are codes/<name>.csv files; check the name.",
        ),
        "E211": (
            "The CSV file is not a code table, or a row lacks its codes.",
            "Section 8 of LANGUAGE.md shows the header and the rule line.",
        ),
        "E212": (
            "A literal code needs its system, and the engine knows none for this element.",
            'Write "=http://system|code".',
        ),
        "E213": (
            "The literal is not a value of the element's type, or not in its required value set.",
            "Use one of the codes shown, or a value of the type.",
        ),
        "E214": (
            "A code table gives a code that the element's required value set does not have.",
            "Correct the row shown, or use another table.",
        ),
        "E215": (
            "A code table has two rows for one code of one system.",
            "Keep one of them; a later layer's table of the same name replaces rows.",
        ),
        "E220": (
            "There is no conversion from the HL7 type to the FHIR type.",
            "Take a component, nest the elements, or use a function that gives text.",
        ),
        "E221": (
            "A branch of a choice is not {Type: ...} with a type the choice has.",
            "Use one of the types shown.",
        ),
        "E222": (
            "FHIR requires an element, and no rule sets it.",
            "Add a rule, a default, or a link in the message document.",
        ),
        "E223": (
            "The reference cannot point to this type, or there is no such resource type.",
            "Use one of the targets shown.",
        ),
        "E224": (
            "The rule refers to a resource that no message of the chain makes.",
            "Add it to `make`, or make it here: {ref: {Type: path}}.",
        ),
        "E225": (
            "The extension has no known short name and is no URL.",
            "Write its URL, or one of the names in section 7 of LANGUAGE.md.",
        ),
        "E226": (
            "There is no recipe of this name.",
            "Recipes: structured-numeric.",
        ),
        "E227": (
            "The conversion of a datatype uses itself, and would never end.",
            "Take components apart in it ($1, $2.1); a whole $ would be converted by it again.",
        ),
        "E228": (
            "The keys of resources name each other, so that none of them could be made first.",
            "Make one of the keys of fields alone.",
        ),
        "E230": (
            "A message entry names a map that does not exist or does not fit.",
            "The map's `to` is the entry's type, and `from` ends in the map's segment.",
        ),
        "E231": (
            "The message structure, or a group or segment in it, does not exist.",
            "Names are those of HL7's dictionary without the structure's prefix.",
        ),
        "E232": (
            "The trigger is not written as ADT^A01, or belongs to another message document.",
            "One document handles a trigger; change that one in an overlay.",
        ),
        "E233": (
            "An `emit` entry is no statement about patients.",
            "Write {link: patients} or {per: GROUP, merge: {survivor: patient, subsumed: prior}}.",
        ),
        "E234": (
            "A declared field is not `number: datatype`.",
            "Write segments: {ZPD: {1: ST, 2: CWE}}; `*` after the type says that it repeats.",
        ),
        "E240": (
            "No layer of the chain says what identifies a patient.",
            "Add a document of kind identity with `patient`.",
        ),
        "E241": (
            "The site's time zone is not in the IANA list.",
            "Write a name such as America/Chicago.",
        ),
        "E250": (
            "A csv document names a column it does not declare, or a field of a message.",
            "Declare the column under `columns`, or correct the name.",
        ),
        "E251": (
            "The contract of a csv document is not right: a column, its type, the dialect.",
            "Section 12 of LANGUAGE.md lists the types of columns and the keys of a dialect.",
        ),
        "E252": (
            "A csv document does not say whom its rows are about in the site's own terms.",
            "Write patient: {label: Column}; the label is one of the identity document's.",
        ),
        "E253": (
            "A csv document takes deletions and does not say what they do, or cannot do it.",
            'Add on_delete with the elements a deleted row gets, as {active: "=false"}.',
        ),
        "E260": (
            "A path into a resource names an element or type that R4 does not have there.",
            "Take the name the message suggests; a choice needs its type: value.ofType(Quantity).",
        ),
        "E261": (
            "A document about resources reads a field of messages.",
            "Name an element, as name.family; $ is the value that each stands on.",
        ),
        "E262": (
            "Two fhir documents of a chain take resources of one type.",
            "Change the first one in an overlay: change: {FHIR-Patient: {...}}.",
        ),
        "E270": (
            "A case of a tests file has no input, or more than one.",
            "Give it one of message, segments, file, rows, resource, or the document a message.",
        ),
        "E271": (
            "A path of a test does not begin with a resource type, or is no path.",
            "Write Patient.name.family, Observation[1].status, Patient.count or Patient.$clear.",
        ),
        "E272": (
            "A case of a tests file expects nothing, so it cannot fail.",
            "Add expect, matches, diagnostics, refused, filtered, merge or patients.",
        ),
        "E273": (
            "A case names a file that is not there, or not below the mappings folder.",
            "Places are told from the tests file: fixtures/adt-1.hl7 lies beside it.",
        ),
        "E274": (
            "`segments` of a case does not fit the message of its document.",
            "Keys are PID, OBX[2] or PID-8; values whole segments, a list of them, remove, a text.",
        ),
        "E275": (
            "The rows of a case name a feed or a column that the chain does not have.",
            "Write the name or the header of a column, and the feed of a csv document.",
        ),
        "E276": (
            "Nothing says which layers the tests of a site run with.",
            "Add chain: [base, us, vendor/epic, site/mercy] to the document.",
        ),
        "E277": (
            "Two cases of a tests file have one name.",
            "Give each a name that says what it shows.",
        ),
        "E280": (
            "`ignore` names something that a rule of the same layer, or of a lower one, reads.",
            "Take it out of `ignore`, or the rule out of the mapping.",
        ),
        "E290": (
            "A rule stands behind one that always has a value, so that no message reaches it.",
            "The first with a value is taken: put what always holds last.",
        ),
        "E291": (
            "A case of a switch has a value that an earlier case has taken.",
            "Leave each value in one case.",
        ),
        "E292": (
            "A condition is true of every message, or of none.",
            "Compare a field with what it may be; `or` and `in` take several values.",
        ),
    }
)
