"""The errors, split by who must act.

MenteeError
├── OperatorError      the operator: a setting, a file, the machine
│   ├── SettingError
│   ├── ModelFileError
│   ├── DatabaseError
│   └── SourceUnreadable
├── AdminError         an admin of the workspace: an adapter, a run
│   ├── AdapterBroken
│   ├── NotTrainable
│   └── UnknownAdapter
├── PersonError        who is typing: it is told to them, and nothing is lost
│   ├── NotAllowed
│   └── BadInput
└── TransientError     nobody: it is tried again
    ├── DatabaseHeld   nothing was kept; who waits for it is told
    ├── DeliveryFailed
    └── NotWritten     the engine gave no text; the asker is handed to a person
        ├── Busy
        ├── TooLate
        └── EngineFailed

Each message names the value and the remedy; it is shown as it is.
"""


class MenteeError(Exception):
    """Base of all errors that Mentee raises on purpose."""


class OperatorError(MenteeError):
    """The operator has to act."""


class SettingError(OperatorError):
    """A setting is missing, unknown or unusable."""


class ModelFileError(OperatorError):
    """A model file is missing or not the one it should be."""


class DatabaseError(OperatorError):
    """The database can't be used as it is."""


class SourceUnreadable(OperatorError):
    """A document or FAQ file can't be read."""


class AdminError(MenteeError):
    """An admin has to act."""


class AdapterBroken(AdminError):
    """An adapter folder is incomplete, altered, foreign, or made for another base model."""


class NotTrainable(AdminError):
    """There is too little to learn from."""


class UnknownAdapter(AdminError):
    """No adapter goes by that name."""


class PersonError(MenteeError):
    """Whoever is typing has to act."""


class NotAllowed(PersonError):
    """The person lacks the right."""


class BadInput(PersonError):
    """What was sent can't be used."""


class TransientError(MenteeError):
    """Nobody has to act: it is tried again."""


class DatabaseHeld(TransientError):
    """Another program holds the database: what was to be done has not begun."""


class DeliveryFailed(TransientError):
    """A platform didn't take a message."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotWritten(TransientError):
    """The engine gave no text."""


class Busy(NotWritten):
    """More is asked than can be answered right now."""


class TooLate(NotWritten):
    """The text was not finished by its deadline."""


class EngineFailed(NotWritten):
    """The engine broke, can't be reached, or gave something that can't be used."""
