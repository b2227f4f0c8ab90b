"""`make scale`: ten thousand accounts whose windows open together, on the real code and in virtual time.

    python -m local.scale --portals 500 --accounts 20 --chats 200 --seed 1

What is simulated and what is assumed is in docs/scale.md. A `world` is portals, AWS and the service on one clock; portals
do not share anything but Lambda's concurrency, so each has a world of its own and the machine's cores share the worlds.
"""
