"""Every question's wordings, in one table. Those marked `held_out` are never trained: they are for tests.

`{k}`, `{word}`, `{ordinal}` and `{nth}` say which panel: 3, three, third, 3rd. `form` is how a panel is then told
(`lessons.FORMS`). Questions that name no panel, and the paper's open ones, are not here: smol-doodle never meets them
in training.
"""

from typing import NamedTuple

from gazeheads import prompts


class Wording(NamedTuple):
    """How a question is put. form: of the answer, where it describes a panel."""

    text: str
    form: str = "plain"
    held_out: bool = False


def _table(*trained: str | Wording, held_out: tuple[str, ...] = ()) -> tuple[Wording, ...]:
    wordings = [w if isinstance(w, Wording) else Wording(w) for w in trained]
    return (*wordings, *(Wording(text, held_out=True) for text in held_out))


WORDINGS: dict[str, tuple[Wording, ...]] = {
    "panel": _table(
        "Describe panel {k}.",
        "What is happening in panel {k}?",
        "What is happening in the {ordinal} panel?",
        "Describe the {nth} panel.",
        "What happens in panel {word}?",
        Wording("What does the {ordinal} panel show?", "shows"),
        Wording("What can you see in panel {k}?", "a"),
        held_out=(
            "Tell me what is going on in panel {k}.",
            "What do you see in the {ordinal} panel?",
            "Please describe what happens in the {nth} panel.",
            "Say what goes on in panel {word}.",
        ),
    ),
    "panel from the left": _table(
        "Look carefully at this {panels}-panel comic strip. "
        "What is happening in the {nth} panel from the left? Answer briefly.",
        "Describe the {ordinal} panel from the left.",
        held_out=("Tell me what is happening in the {nth} panel from the left.",),
    ),
    "panel from the right": _table(
        "What is happening in the {ordinal} panel from the right?",
        "Describe the {nth} panel from the right.",
        Wording("What does the {ordinal} panel from the right show?", "shows"),
        held_out=("Tell me what is happening in the {nth} panel from the right.",),
    ),
    "panel at a place": _table(
        "What is happening in the {place} panel?",
        "Describe the {place} panel.",
        Wording("What does the {place} panel show?", "shows"),
        held_out=("Tell me what is going on in the {place} panel.",),
    ),
    "doing": _table(
        "What is the {character} doing in panel {k}?",
        "What is the {character} doing in the {ordinal} panel?",
        held_out=("In the {nth} panel, what does the {character} do?",),
    ),
    "thing": _table(
        "Which object is in panel {k}?",
        "What object can be seen in the {ordinal} panel?",
        held_out=("Name the object in the {nth} panel.",),
    ),
    "setting": _table(
        "Where does panel {k} take place?",
        "Where is the {character} in the {ordinal} panel?",
        held_out=("In what place is the {nth} panel set?",),
    ),
    "colour": _table(
        "What colour is the {character} in panel {k}?",
        "What is the colour of the {character} in the {ordinal} panel?",
        held_out=("Which colour does the {character} in the {nth} panel have?",),
    ),
    "who": _table(
        "Who is in panel {k}?",
        "Who can be seen in the {ordinal} panel?",
        held_out=("Who appears in the {nth} panel?",),
    ),
    "is it empty": _table(
        "Is panel {k} empty?",
        "Is the {ordinal} panel empty?",
        held_out=("Is there nothing in the {nth} panel?",),
    ),
    "is there in a panel": _table(
        "Is there {thing} in panel {k}?",
        "Can you see {thing} in the {ordinal} panel?",
        held_out=("Does the {nth} panel show {thing}?",),
    ),
    "is there": _table(
        "Is there {thing} in the picture?",
        "Is there {thing}?",
        "Can you see {thing}?",
        held_out=("Does the picture show {thing}?",),
    ),
    "how many panels": _table(
        "How many panels are there?",
        "How many panels does this comic have?",
        held_out=("Count the panels of this comic.",),
    ),
    "how many show": _table(
        "How many panels show {thing}?",
        "In how many panels is there {thing}?",
        held_out=("How many of the panels have {thing} in them?",),
    ),
    "label": _table(
        "What is the label on the {nth} panel?",
        "What is the label on panel {k}?",
        "Which letter or digit is on the {ordinal} panel?",
        held_out=("What is written on panel {word}?",),
    ),
    "which panel": _table(
        "Which panel shows {thing}?",
        "In which panel is {thing}?",
        "Find the panel with {thing}.",
        held_out=("Where in this comic is {thing}?",),
    ),
    "which panel is set": _table(
        "Which panel is {setting}?",
        "Which panel takes place {setting}?",
        held_out=("Find the panel that is {setting}.",),
    ),
    "in order": _table(
        Wording(prompts.NARRATE, "numbered"),
        Wording(prompts.NARRATE_FREELY, "plain"),
        Wording("Describe each panel. Start with 'Panel 1:'.", "numbered"),
        Wording("Describe all panels from left to right.", "plain"),
        held_out=(prompts.TOUR, "Tell me what happens, one panel after the other."),
    ),
    "in reverse": _table(
        Wording(prompts.NARRATE_REVERSE, "numbered"),
        Wording("Please describe what happens in each panel, in reverse order.", "plain"),
        Wording("Describe the panels from last to first, with their numbers.", "numbered"),
        held_out=("Tell me what happens, from the last panel back to the first.",),
    ),
    "in a stated order": _table(
        Wording("Describe panels {order}, in that order.", "numbered"),
        Wording("Describe the panels in this order: {order}.", "numbered"),
        Wording("Tell me about panels {order}, without their numbers.", "plain"),
        held_out=("What happens in panels {order}?",),
    ),
    "list": _table(
        "What is in this picture?",
        "What objects are in this image?",
        "Name everything in the picture, from left to right.",
        "What can you see here?",
        held_out=(prompts.LIST_OBJECTS, "Tell me all the things that the picture shows."),
    ),
    "largest": _table(
        "What is the largest thing in the picture?",
        "Which thing is the largest?",
        held_out=("What is the biggest thing here?",),
    ),
    "where": _table(
        "Where is the {noun}?",
        "Where in the picture is the {noun}?",
        "Where can you see the {noun}?",
        held_out=("In which part of the picture is the {noun}?", "Tell me where the {noun} is."),
    ),
    "what is at": _table(
        "What is {place}?",
        "What is {place} of the image?",
        "What can you see {place} of the picture?",
        held_out=("Name what is {place} of the picture.", "Is there anything {place}?"),
    ),
    "colour of": _table(
        "What colour is the {character}?",
        "What is the colour of the {character}?",
        held_out=("Which colour does the {character} have?",),
    ),
    "how many things": _table(
        "How many things are in the picture?",
        "How many things are there?",
        held_out=("Count the things in the picture.",),
    ),
    "where is this": _table(
        "Where does the scene take place?",
        "What place is this?",
        held_out=("Which place does the picture show?",),
    ),
}


def wordings(skill: str, held_out: bool = False) -> tuple[Wording, ...]:
    """The wordings of a skill: those that are trained, or those kept for tests."""
    return tuple(w for w in WORDINGS[skill] if w.held_out == held_out)
