"""Every code a region file can be refused with: the cause, and what to do about it."""

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "E300": (
            "The region file cannot be read.",
            "Check the path, and that the user who runs Concord may read it.",
        ),
        "E301": (
            "The key is not known at this place.",
            "Correct the spelling, or move the key to the table it belongs to.",
        ),
        "E302": (
            "A key that has no default is missing.",
            "Add it to the table shown.",
        ),
        "E303": (
            "The value is not of the kind the key takes, or out of its range.",
            "Write what the message asks for; sizes and times are plain numbers in the key's unit.",
        ),
        "E304": (
            "A key is followed by nothing.",
            "Give a value, or leave the key out to take its default.",
        ),
        "E305": (
            "A channel or a trust value names a site that `sites` does not define.",
            "Use one of the names under `sites`, or add the site.",
        ),
        "E306": (
            "The time zone is not in the IANA database.",
            "Write a name such as America/Chicago; abbreviations such as CST are ambiguous.",
        ),
        "E307": (
            "`mappings_folder`, or a mapping layer that a site's chain names, is not there.",
            "Correct the name, or create the folder; paths are relative to the region file.",
        ),
        "E308": (
            "Two listeners would bind the same port.",
            "Give each channel, and the API, a port of its own.",
        ),
        "E309": (
            "A secret is written out in the file.",
            "Write {env: NAME} or {file: PATH} instead, and change the secret: files get copied.",
        ),
        "E310": (
            "No channel of this type is installed.",
            "Use one of the types listed; `concord check` shows them.",
        ),
        "E311": (
            "The channel type does not work in this direction.",
            "Use `in` for messages that arrive and `out` for messages that leave.",
        ),
        "E101": (
            "The text is not YAML, or not UTF-8.",
            "Look at indentation, quotes and colons at the place shown and in the line above it.",
        ),
        "E102": (
            "The same key is written twice in one table; YAML readers disagree on which one holds.",
            "Remove one of them.",
        ),
        "E103": (
            "Anchors and aliases (`&name`, `*name`) are not allowed.",
            "Write the value out where it is used. A text that starts with & or * needs quotes.",
        ),
        "E104": (
            "Tags (`!name`) are not allowed.",
            "Remove the tag. A text that starts with ! needs quotes.",
        ),
        "E105": (
            "The file is nested too deeply to be a region file.",
            "Close the brackets that were left open.",
        ),
        "E106": (
            "The file is too long to be a region file.",
            "Check that it is the right file.",
        ),
        "E107": (
            "A key is a list or a table; keys have to be texts.",
            "Quote the key, or correct the indentation.",
        ),
        "E108": (
            "The file holds a second document after `---`.",
            "Put it into a file of its own, or remove the line.",
        ),
    }
)
