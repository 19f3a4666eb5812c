"""What the provider sent: its word on usage, how much text it was, whatever field it stood in, and what that makes."""

from dataclasses import dataclass, field, replace
from typing import Literal

from extproc.messages.answer import Usage
from extproc.streams.dialect import Reading


@dataclass(slots=True)
class Said:
    """Of one stream, so far."""

    usage: Usage | None = None
    begun: Usage | None = None
    finish_reasons: list[str] = field(default_factory=list)
    characters: int = 0
    tokens: int = 0
    first_text_at: int | None = None

    def note(self, reading: Reading) -> None:
        """What an event says of the answer; its texts are counted as they are read."""
        self.usage = reading.usage or self.usage
        self.begun = reading.begun or self.begun
        for reason in reading.finish_reasons:
            if reason not in self.finish_reasons:
                self.finish_reasons.append(reason)

    def hear(self, text: str, tokens: int, at: int) -> None:
        """A piece of a text, not empty, read at this time."""
        self.characters += len(text)
        self.tokens += tokens
        if self.first_text_at is None:
            self.first_text_at = at

    def used(self, input_tokens: int) -> tuple[Usage, Literal["provider", "estimated"]]:
        """What the stream has used so far, and whose word that is: the record says so, and an ending of ours.

        Where the provider has not said it all, its word on the input counts, if it has said that, else `input_tokens`;
        the output is what was read of its texts.
        """
        if self.usage is not None:
            return self.usage, "provider"
        if self.begun is None or not self.begun.input_tokens:  # some servers begin with zeros and tell at the end
            return Usage(input_tokens, self.tokens, 0, 0), "estimated"
        return replace(self.begun, output_tokens=max(self.begun.output_tokens, self.tokens)), "estimated"
