"""Why an orchestration cannot be started."""


class UnknownOrchestratorError(Exception):
    """The app has no orchestrator of that name."""


class InstanceRunningError(Exception):
    """An unfinished instance has that id."""
