"""What a badly timed person does, by seed: a few kinds of mishap for a session, each at some moment that fits."""

from enum import StrEnum
from random import Random


class Mishap(StrEnum):
    """A kind."""

    TYPES_AHEAD = "types an answer ahead"
    PASTES_EARLY = "pastes a key while it works"
    PASTES_EARLY_AND_ENTERS = "pastes a key while it works, with Enter"
    PASTES_LATE = "pastes late"
    PASTES_TWICE = "pastes twice"
    PASTES_LEAKED = "pastes the leaked key"
    PASTES_ANOTHER = "pastes a key that something else uses"
    PASTES_STRANGER = "pastes a live key that nothing lists"
    PASTES_JUNK = "pastes a key of another account"
    PASTES_CUT = "pastes a part of the key"
    PASTES_SPACE = "pastes with a space at the end"
    PASTES_LINES = "pastes with empty lines after it"
    PASTES_AT_QUESTION = "pastes a key where it would be shown"
    ENTERS_NOTHING = "presses Enter at the hidden prompt"
    CTRL_C = "presses Ctrl-C"
    CTRL_Z = "presses Ctrl-Z, then fg"
    HANGS_UP = "closes the terminal"
    RESIZES = "resizes the terminal"
    LOOKS_ELSEWHERE = "looks at the status in a second terminal"
    RESUMES_ELSEWHERE = "resumes in a second terminal"
    SAYS_NO = "says no to the kill"
    WRONG_NAME = "types a wrong name"
    CLICKS_LATE = "clicks late"
    WRONG_ROW_OTHER = "expires the row of another key"
    WRONG_ROW_NEW = "expires the row of the new key"
    LOSES_DIALOG = "closes the dialog unread"


M = Mishap
WORKING = frozenset(
    {
        M.TYPES_AHEAD,
        M.PASTES_EARLY,
        M.PASTES_EARLY_AND_ENTERS,
        M.CTRL_C,
        M.CTRL_Z,
        M.HANGS_UP,
        M.RESIZES,
        M.LOOKS_ELSEWHERE,
        M.RESUMES_ELSEWHERE,
    }
)
AT_A_QUESTION = frozenset({M.CTRL_C, M.CTRL_Z, M.HANGS_UP, M.RESIZES, M.LOOKS_ELSEWHERE, M.RESUMES_ELSEWHERE})
AT_A_LINE = AT_A_QUESTION | {M.PASTES_AT_QUESTION}
AT_A_NAME = AT_A_LINE | {M.SAYS_NO, M.WRONG_NAME}
AT_A_KEY = (
    AT_A_QUESTION
    | {one for one in Mishap if one.name.startswith("PASTES_") and not one.name.startswith(("PASTES_EARLY", "PASTES_AT"))}
    | {M.ENTERS_NOTHING}
)
CLICKING = frozenset({M.CLICKS_LATE, M.WRONG_ROW_OTHER, M.WRONG_ROW_NEW})
MAKING = frozenset({M.CLICKS_LATE, M.LOSES_DIALOG})
_FEWEST, _MOST = 2, 7
_CHANCE = {WORKING: 0.1}
_USUAL = 0.7


class Fate:
    """The mishaps of one session."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self.left = dice.sample(list(Mishap), dice.randint(_FEWEST, _MOST))

    def strikes(self, fitting: frozenset[Mishap]) -> Mishap | None:
        """One that happens now, and no more later; None: all goes well this time."""
        could = [one for one in self.left if one in fitting]
        if not could or self._dice.random() > _CHANCE.get(fitting, _USUAL):
            return None
        struck = self._dice.choice(could)
        self.left.remove(struck)
        return struck
