"""Errors that are meant for people."""


class RefusedError(Exception):
    """What was asked cannot be done; `str(error)` says why and how to mend it, in the reader's language.

    The command line prints it and leaves with 1, a page shows it as a notice with a 4xx status. Anything else that is
    raised is a defect of ours: it is logged with its traceback and the person sees a reference only.
    """


class ConflictError(RefusedError):
    """Somebody else was faster: what was asked goes by something that is no longer so. 409 on a page."""


class NotFoundError(RefusedError):
    """The thing that was named does not exist; 404 on a page."""
