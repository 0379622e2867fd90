"""Stand-ins for the messages of the Functions RPC protocol.

Microsoft's worker library never imports protobuf: whoever calls it injects the module with the
message classes. It only constructs them by keyword, reads attributes and asks ``WhichOneof``, so
plain classes do, and the host needs neither protobuf nor gRPC.
"""

from enum import IntEnum
from types import SimpleNamespace
from typing import Any, ClassVar


class Message:
    """Any message of the protocol: members given by keyword, read as attributes."""

    _groups: ClassVar[dict[str, tuple[str, ...]]] = {}

    def __init__(self, **members: Any) -> None:
        self.__dict__.update(members)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__} carries no member {name!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.__dict__})"

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802 - protobuf's own name
        """The member of the oneof `group` that is set, or None."""
        return next((member for member in self._groups[group] if member in self.__dict__), None)


class TypedData(Message):
    """A value on its way into or out of a function; exactly one member is set."""

    _groups = {  # noqa: RUF012 - declared a ClassVar by the base class
        "data": (
            "string",
            "bytes",
            "json",
            "http",
            "int",
            "double",
            "collection_string",
            "collection_bytes",
        )
    }

    @property
    def kind(self) -> str | None:
        """The name of the member that is set, such as "string" or "json"."""
        return self.WhichOneof("data")

    @property
    def content(self) -> Any:
        """The value of the member that is set (`json` stays JSON text); None if none is."""
        return None if self.kind is None else getattr(self, self.kind)


class ParameterBinding(Message):
    """A parameter's name and its value (`name`, `data`)."""

    _groups = {"rpc_data": ("data",)}  # noqa: RUF012 - declared a ClassVar by the base class


class StatusResult(Message):
    """The outcome of a call of the worker; the two constants must differ, or indexing fails."""

    Failure = 0
    Success = 1


class BindingInfo(Message):
    """A binding as the worker describes it; directions as in the protocol."""

    out = 1
    inout = 2


class SameSite(IntEnum):
    """The SameSite attribute of a cookie, numbered as in the protocol."""

    Unset = 0
    Lax = 1
    Strict = 2
    ExplicitNone = 3


class RpcHttpCookie(Message):
    """A cookie that a function sets."""

    # The protocol names the first constant "None", which Python cannot spell as an attribute.
    SameSite = SimpleNamespace(
        **{
            "None": SameSite.Unset,
            "Lax": SameSite.Lax,
            "Strict": SameSite.Strict,
            "ExplicitNone": SameSite.ExplicitNone,
        }
    )


class RpcHttp(Message):
    """An HTTP request on its way in, or an HTTP response on its way out."""


class Protocol:
    """The "protobuf module" handed to the worker: the classes above, and on demand any other."""

    TypedData = TypedData
    ParameterBinding = ParameterBinding
    StatusResult = StatusResult
    BindingInfo = BindingInfo
    RpcHttpCookie = RpcHttpCookie
    RpcHttp = RpcHttp

    def __getattr__(self, name: str) -> type[Message]:
        message = type(name, (Message,), {})
        setattr(self, name, message)
        return message
