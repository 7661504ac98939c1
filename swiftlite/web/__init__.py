"""The request vocabulary: what a request asks and what an answer says.

The only door to webob. Knows HTTP and WSGI; knows no ring, no disk and no policy.
"""

from swiftlite.web.dispatch import Dispatcher
from swiftlite.web.refusals import Refusal, refuse
from swiftlite.web.request import Request
from swiftlite.web.response import Response

__all__ = ["Dispatcher", "Refusal", "Request", "Response", "refuse"]
