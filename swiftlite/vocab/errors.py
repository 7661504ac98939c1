"""The root of the house's errors, and the three ways in which a client lets a request down.

A reader of a request body raises them; an app's table of refusals turns them into answers.
Blame is in the type: none of these is ever counted as the fault of another node.
"""


class SwiftliteError(Exception):
    """What every error of the house derives from."""


class ClientFault(SwiftliteError):
    """The client of this request broke the conversation; nobody else is to blame."""


class ClientGone(ClientFault):
    """The client closed or lost the connection before its body ended (answered 499)."""


class ClientTooSlow(ClientFault):
    """The client sent nothing for longer than it may (answered 408)."""


class ClientBadFraming(ClientFault):
    """The body's framing is not HTTP; the connection cannot be used any further (answered 400)."""

    def __init__(self, message: str = "The framing of the request body is not valid HTTP.") -> None:
        super().__init__(message)
        self.message = message
