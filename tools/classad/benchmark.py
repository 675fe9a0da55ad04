"""Times HTCondor's own library on the ads of test/bench/classad.ts: {"jobs": [text], "slots": [text]} on stdin.

Python has no handle on a pair of ads that is matched often, so the time of a pair is that of two evaluations of
Requirements through the bindings, less what the bindings cost for a literal.
"""

import json
import sys
import time

import classad2
import htcondor2  # noqa: F401


def timed(run):
    best = None
    for _ in range(3):
        start = time.perf_counter()
        run()
        spent = time.perf_counter() - start
        best = spent if best is None else min(best, spent)
    return best


def main():
    request = json.load(sys.stdin)
    texts = request["jobs"]
    requirements = [t.split("Requirements = ", 1)[1].split("\n", 1)[0] for t in texts]
    parse = timed(lambda: [classad2.ExprTree(t) for t in requirements])
    jobs = [classad2.parseOne(t) for t in texts[:200]]
    slots = [classad2.parseOne(t) for t in request["slots"][:200]]
    wants = [ad.lookup("Requirements") for ad in jobs]
    offers = [ad.lookup("Requirements") for ad in slots]
    literal = classad2.ExprTree("true")
    found = [0]

    def match():
        found[0] = 0
        for job, want in zip(jobs, wants):
            for slot, offer in zip(slots, offers):
                if offer.eval(slot, job) is True and want.eval(job, slot) is True:
                    found[0] += 1

    def evaluate():
        for job, want in zip(jobs, wants):
            for slot in slots:
                want.eval(job, slot)

    def nothing():
        for job in jobs:
            for slot in slots:
                literal.eval(job, slot)

    pairs = len(jobs) * len(slots)
    overhead = timed(nothing)
    evaluation = max(timed(evaluate) - overhead, 1e-9)
    matching = max(timed(match) - 2 * overhead, 1e-9)
    json.dump(
        {
            "version": classad2.version(),
            "parsesPerSecond": round(len(requirements) / parse),
            "evaluationsPerSecond": round(pairs / evaluation),
            "pairsPerSecond": round(pairs / matching),
            "bindingsMicroseconds": round(overhead / pairs * 1e6, 3),
            "pairs": pairs,
            "matches": found[0],
        },
        sys.stdout,
    )


main()
