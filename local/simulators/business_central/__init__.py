"""Simulator of one Business Central environment: API v2.0 and published page web services."""
