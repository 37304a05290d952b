"""What can be wrong with a delivered file as such, before any of its rows is judged.

Belongs here: the one exception by which readers refuse a file. Does not belong here: faults of rows (they are
kept and judged in `pipelines.gates`) and faults of our own software, which are ordinary exceptions.
"""


class UnreadableFile(Exception):
    """A delivered file that cannot be turned into rows: a fault of the data, for its supplier to mend.

    `code` is stable and upper case, `place` says where (`line 17`, or `file`), `message` what is wrong and
    `remedy` what to do. None of them ever repeats what a cell holds.
    """

    def __init__(self, code: str, place: str, message: str, remedy: str) -> None:
        super().__init__(f"{code} ({place}): {message} {remedy}")
        self.code = code
        self.place = place
        self.message = message
        self.remedy = remedy
