"""What the provider sent: its word on usage, and how much text it was, whatever field it stood in."""

from dataclasses import dataclass, field

from extproc.messages.answer import Usage
from extproc.streams.dialect import Reading


@dataclass(slots=True)
class Said:
    """Of one stream, so far."""

    usage: Usage | None = None
    finish_reasons: list[str] = field(default_factory=list)
    characters: int = 0
    tokens: int = 0
    first_text_at: int | None = None

    def note(self, reading: Reading) -> None:
        """What an event says of the answer; its texts are counted as they are read."""
        self.usage = reading.usage or self.usage
        for reason in reading.finish_reasons:
            if reason not in self.finish_reasons:
                self.finish_reasons.append(reason)
