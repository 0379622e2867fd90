"""Simulator of one Business Central environment: API v2.0 and published page web services.

A request goes ``simulator`` (tokens' applications, limits, batches) → ``api`` (routing) →
``reading`` or ``writing``. Records live in ``store``; field tables are data in ``master_data``,
``item_data``, ``documents`` and ``web_services``; what Business Central does beside a write is in
``rules``, ``contact_cards``, ``item_rules`` and ``references``.
"""
