"""What can be wrong with what the engine is given; each message is one line that says what to do."""


class EngineError(Exception):
    """Something an operator can mend."""


class EncoderUnavailable(EngineError):
    """The text encoder cannot be loaded."""


class NotFinite(EngineError, ValueError):
    """Something learnt holds nan or infinity: it is neither kept nor used."""


class ArtifactError(EngineError):
    """A file of vectors or of a trained ranker is truncated, foreign or missing."""
