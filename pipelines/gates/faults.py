"""The fault that is ours and not the file's."""


class GateError(RuntimeError):
    """The gate itself failed on a rule, so the file has no verdict.

    Carries the rule's code only: the reason may hold values of the file and is not repeated.
    """

    def __init__(self, code: str) -> None:
        super().__init__(f"the gate could not judge the rule {code}; the file has no verdict")
        self.code = code
