"""A simulator of the Dataverse Web API v9.2 of a Dynamics 365 Sales organization."""
