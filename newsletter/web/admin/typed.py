"""What was typed into a form of the desk."""


def whole_number(text: str, usual: int) -> int:
    """A whole number, the usual one for an empty field; -1, which no field takes, for anything else."""
    text = text.strip()
    if not text:
        return usual
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1
