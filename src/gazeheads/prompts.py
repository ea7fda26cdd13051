"""The prompts of the paper, word for word, and how numbers are said in them (PAPER: Gandikota & Bau 2026).

They are protocol data: experiments ask them as they stand. Panel numbers are one-based here, as people say them.
"""

WORDS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
ORDINALS = (
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
)

VQA = "What is the main action or event happening in this comic strip? Answer briefly."
VQA_WORDINGS = (
    VQA,
    "Describe this comic briefly.",
    "Look at this comic strip carefully. What is the main action or event happening across the panels? "
    "Answer in one short sentence.",
    "What story does this comic strip tell? Answer briefly.",
    "Summarize the main event of this comic in a few words.",
)
THIS_PANEL = "What is happening in this panel of the comic strip?"
NARRATE = (
    "Please describe what happens in each panel, in order. "
    "Start each panel description with 'Panel 1:', 'Panel 2:', and so on."
)
NARRATE_REVERSE = (
    "Please describe what happens in each panel, in reverse order. "
    "Start each panel description with 'Panel 1:', 'Panel 2:', and so on."
)
NARRATE_FREELY = "Please describe what happens in each panel, in order."
TOUR = "Describe this comic strip panel by panel, one short sentence per panel, without a summary first."
IN_REVERSE = "Read the comic in reverse, "
MAIN_OBJECT = "What is the main object in this part of the image? Answer in a few words."
LIST_OBJECTS = "List all the objects present in this image:"


def nth(k: int) -> str:
    """1 -> "1st", 2 -> "2nd", 3 -> "3rd", 4 -> "4th", 11 -> "11th"."""
    suffix = "th" if k % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(k % 10, "th")
    return f"{k}{suffix}"


def word(n: int) -> str:
    """6 -> "six"; numbers over twelve stay digits."""
    return WORDS[n] if 0 <= n < len(WORDS) else str(n)


def panel_query(k: int, panels: int) -> str:
    """The discovery prompt (PAPER sec. 5.1): asks about the k-th of `panels` panels, k one-based."""
    return (
        f"Look carefully at this {word(panels)}-panel comic strip. "
        f"What is happening in the {nth(k)} panel from the left? Answer briefly."
    )


def label_query(k: int) -> str:
    """Asks for the letter or digit drawn on the k-th panel, k one-based."""
    return f"What is the label on the {nth(k)} panel?"


_NAMED = {  # how the paper's open questions ask about one panel, for the baseline that is prompted and not steered
    VQA: "What is the main action or event happening in the {} panel from the left? Answer briefly.",
    THIS_PANEL: "What is happening in the {} panel from the left of the comic strip?",
}


def about(prompt: str, k: int) -> str:
    """The same question about the k-th panel from the left, k one-based: what one would type instead of steering."""
    return _NAMED.get(prompt, prompt + " Answer about the {} panel from the left only.").format(nth(k))


_ROWS = ("at the top", "", "at the bottom")
_COLUMNS = ("left", "", "right")


def place(x: float, y: float) -> str:
    """Where a point of an image is, in words: "at the top left", "on the right", "in the middle".

    x, y: its share of the image's width and height, 0..1; each third has a name.
    """
    row, column = (_ROWS[min(int(3 * y), 2)], _COLUMNS[min(int(3 * x), 2)])
    return f"{row} {column}".strip() if row else f"on the {column}" if column else "in the middle"


def object_at(where: str) -> str:
    """MAIN_OBJECT for the object at a place, as `place` says it: what one would type instead of steering."""
    return f"What is {where} of the image? Answer in a few words."
