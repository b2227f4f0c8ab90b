"""`make scale`: ten thousand accounts whose windows open together, on the real code and in virtual time.

    python -m local.scale --portals 500 --accounts 20 --chats 200 --seed 1

A `world` is some portals, AWS and the service on one clock. Portals share nothing but the tick and Lambda's
concurrency, so a run is several worlds, each with its part of those. What is assumed, and what that hides, is in
docs/scale.md.
"""
