"""The exceptions that `gazeheads` raises where the caller can do something about it.

    GazeHeadsError
    ├── UsageError              an argument, an option or a setting that cannot be meant
    ├── MissingPackage          an optional package that is not installed
    ├── DataError               images, captions or annotations that cannot be used
    │   └── FaultyData          data with several faults
    ├── RegionError             a box, mask, point or region that cannot be used
    │   ├── EmptyBox            a box without area, or with a corner that is not a number
    │   ├── OutsideImage      a box or point that is not inside the image
    │   ├── RegionTooSmall      a region that covers less than one image token
    │   └── ForeignRegion       a region of another scene, or of another image of the scene
    ├── HeadsError              a set of heads that cannot be used
    │   ├── WrongModel          heads of a model of another shape
    │   ├── NoSuchDraw          more control sets asked for than there are
    │   ├── BadHeadsFile        a heads file that cannot be read as one
    │   └── HubError            heads that cannot be published or fetched
    ├── GazeError               a gaze that cannot be meant
    │   ├── HeadSteeredTwice    two gazes on one head at one time
    │   └── NothingSteered      a push under which no attention row was steered
    ├── RecordError             something to record, or to read from a trace, that is not there
    │   └── BadTrace            a trace file that cannot be read as one
    ├── SeamError               the attention of this model cannot be reached as it must be
    │   ├── NotSwitched         the attention implementation could not be switched
    │   ├── UnknownAttention    an attention that is more than a masked softmax of its logits
    │   └── ProbeNeverFired     an attached probe that saw no attention
    ├── ModelError              a model or a processor that cannot be used
    │   ├── UnknownFamily       a `model_type` whose image tokens we cannot place
    │   └── SceneError          an image or a prompt that this model cannot take
    │       └── ForeignScene    a scene that was encoded for another model
    ├── JudgeError              a judge that was given what it cannot judge
    ├── StatisticsError         outcomes that cannot be summarised or compared
    ├── RunError                a run folder that cannot be used, or not for this
    │   ├── BadLedger           a file of lines, or a line for it, that is none
    │   ├── DifferentRun        a folder that holds a run with other settings
    │   ├── RunInUse            a folder that another process is writing to
    │   ├── BadShards           shards that do not make up one run
    │   └── NoEvidence          a run that cannot be reported on yet, or not as was asked
    └── Unwritable              a file that cannot be written where it was asked for

Every message says what was asked, what was found, and what to do. The command line prints it as one line and
exits with code 2.
"""


class GazeHeadsError(Exception):
    """The root: catch this to catch everything that the caller can mend."""


class UsageError(GazeHeadsError):
    """An argument, an option or a setting that cannot be meant."""


class MissingPackage(GazeHeadsError):
    """An optional package that is not installed."""


class DataError(GazeHeadsError):
    """Images, captions or annotations that cannot be used."""


class FaultyData(DataError):
    """Data with several faults. The message tells the first `MOST_TOLD` of them, `faults` all."""

    MOST_TOLD = 5

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        more = len(faults) - self.MOST_TOLD
        told = " ".join(faults[: self.MOST_TOLD])
        super().__init__(told + (f" And {more} more like these." if more > 0 else ""))


class RegionError(GazeHeadsError):
    """A box, mask, point or region that cannot be used."""


class EmptyBox(RegionError):
    """A box without area, or with a corner that is not a finite number."""


class OutsideImage(RegionError):
    """A box or point that does not lie inside the image."""


class RegionTooSmall(RegionError):
    """A region whose coverage sums to less than one image token."""


class ForeignRegion(RegionError):
    """A region of another scene, or of another image of the same scene."""


class HeadsError(GazeHeadsError):
    """A set of heads that cannot be used."""


class WrongModel(HeadsError):
    """Heads of a model with another number of layers or heads."""


class NoSuchDraw(HeadsError):
    """More control sets, or larger ones, than the pool of heads can give."""


class BadHeadsFile(HeadsError):
    """A heads file that cannot be read as one."""


class HubError(HeadsError):
    """Heads that cannot be published on the hub, or fetched from it."""


class GazeError(GazeHeadsError):
    """A gaze, push or schedule that cannot be meant."""


class HeadSteeredTwice(GazeError):
    """Two gazes on the same head of the same row at one time."""


class NothingSteered(GazeError):
    """A push under which no attention row was steered."""


class RecordError(GazeHeadsError):
    """Something to record, or to read from a trace, that is not there."""


class BadTrace(RecordError):
    """A trace file that cannot be read as one."""


class SeamError(GazeHeadsError):
    """The attention of this model cannot be reached as it must be."""


class NotSwitched(SeamError):
    """The model did not switch to our attention function."""


class UnknownAttention(SeamError):
    """A model whose attention is more than a masked softmax: sinks, learned biases, a choice of keys."""


class ProbeNeverFired(SeamError):
    """An attached probe that saw no attention."""


class ModelError(GazeHeadsError):
    """A model or a processor that cannot be used."""


class UnknownFamily(ModelError):
    """A `model_type` whose image tokens we do not know how to place."""


class SceneError(ModelError):
    """An image or a prompt that this model cannot take."""


class ForeignScene(SceneError):
    """A scene that was encoded for another model: another processor, or another shape."""


class JudgeError(GazeHeadsError):
    """A judge that was given what it cannot judge."""


class StatisticsError(GazeHeadsError):
    """Outcomes that cannot be summarised or compared."""


class RunError(GazeHeadsError):
    """A run folder that cannot be used, or not for what was asked."""


class BadLedger(RunError):
    """A file that is no ledger, or a line that cannot stand in one."""


class DifferentRun(RunError):
    """A folder that holds a run with other settings than those that were asked for."""


class RunInUse(RunError):
    """A run folder that another process is writing to."""


class BadShards(RunError):
    """Shards that do not make up one run: one missing or doubled, or of different settings."""


class NoEvidence(RunError):
    """A run that cannot be reported on yet, or not as was asked."""


class Unwritable(GazeHeadsError):
    """A file that cannot be written where it was asked for."""
