"""Programs that write a place by themselves: each would put its own value back over what anybody else writes there. Pure.

Names and marks come from hosts and files that others write: untrusted text, cleaned and cut here.
"""

from dataclasses import dataclass

_LONGEST = 120


@dataclass(frozen=True)
class Owner:
    """One of them.

    Attributes:
        name: what people call it: `Argo CD application shop`, `Terraform aws_ssm_parameter.stripe (prod.tfstate)`.
        todo: where the value is to be changed instead.
        sources: places that it takes the value from, as references in text; () = it does not tell, or they are no stores.
        unread: why it is not known what it writes; it may be this place.
        why_not: why it does not put its value back by itself, or why that cannot be told; "" = it does.
    """

    name: str
    todo: str = ""
    sources: tuple[str, ...] = ()
    why_not: str = ""
    unread: str = ""

    @property
    def reverts(self) -> bool:
        """Whether it would put its own value back."""
        return not self.why_not

    @property
    def claim(self) -> str:
        """What is wrong with writing there, as a sentence without its end."""
        return f"{self.name} {self.unread or 'would put its own value back'}"

    def __str__(self) -> str:
        return self.name + (f" ({self.why_not})" if self.why_not else "")


def word(text: object) -> str:
    """A name that a host or a file tells, as one line of plain text, for people."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())[:_LONGEST]


def marked(names: tuple[str, ...]) -> tuple[Owner, ...]:
    """Of tags that tools put on what is theirs: they do not tell whether the value is theirs, too."""
    return tuple(Owner(word(name), why_not="a tag says so; whether it writes the value, too, the tag does not tell") for name in names)
