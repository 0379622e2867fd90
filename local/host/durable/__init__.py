"""Durable orchestrations for the local function host.

The engine speaks the JSON protocol that the Durable Functions extension speaks with
azure-functions-durable 1.x and keeps its state in three Azure tables. From the inside out:

``history``   the events of an orchestration's history               (pure)
``instance``  what is known of one orchestration instance            (pure)
``protocol``  what the SDK is handed and what it hands back          (pure)
``replay``    the SDK's actions over a history: what is new          (pure)
``turn``      one step of an instance, from messages to new events   (pure)
``store``     the three tables
``activities``, ``orchestrators``   calling the app's functions
``live``      an unfinished instance in memory
``persistence``   doing work until it is done, though the storage be away
``engine``    live instances: turns, activities, timers, sub-orchestrations
``webapi``    the HTTP API of webhook and SDK, with its ``links`` and ``views``
``hub``       all of it behind one object
"""
