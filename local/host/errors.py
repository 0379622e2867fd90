"""What keeps the host from starting."""


class HostError(Exception):
    """The host cannot start; the message is one line that tells a person what to do."""
