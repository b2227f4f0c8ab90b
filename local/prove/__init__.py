"""The promise under fault: random weeks of many accounts on the real code, judged by a model of its own.

    make prove                          ten minutes, a new seed
    make prove SEED=7 SECONDS=60        the same again, shorter
    make prove SEED=7 EPISODE=12        one episode, with its trace
    make prove PATCH=mutant.diff        on a copy of the code with a patch

An episode is some days of a small world: `plan` chooses what happens, `acts` carries it out on `world`, the real use
cases on in-memory AWS and simulated portals, whose calls `faults` delays, loses, repeats and kills. `judge` holds
what the portals show against `model`, which knows of design.md's third section and of nothing else; its quiet times
come from `hours`, minute by minute. docs/reliability.md says what is promised and with which slack.
"""
