"""Times HTCondor's own library on the ads of test/bench/classad.ts: {"jobs": [text], "slots": [text]} on stdin.

A call through the Python bindings costs more than an evaluation. So the library evaluates one expression in each ad
of a list by itself (countMatches): one call for a thousand evaluations, without TARGET but with the same lookups.
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
    jobs = sides(request["jobs"])
    slots = sides(request["slots"])
    left, left_share = evaluations(jobs[:SAMPLE], slots)
    right, right_share = evaluations(slots[:SAMPLE], jobs)
    # A pair costs the right side's Requirements, and the left side's where those hold.
    pair = right + right_share * left
    json.dump(
        {
            "version": classad2.version(),
            "parsesPerSecond": round(len(requirements) / parse),
            "evaluationsPerSecond": round(1 / left),
            "pairsPerSecond": round(1 / pair),
        },
        sys.stdout,
    )


SAMPLE = 100


def sides(texts):
    return [classad2.parseOne(text) for text in texts]


def evaluations(askers, asked):
    """Seconds for one evaluation, and the share that holds."""
    names = set(askers[0].keys())
    bodies = ",".join("[" + ";".join(f"{k}={v}" for k, v in sorted(texts(ad).items()) if k not in names) + "]" for ad in asked)
    expressions = []
    for ad in askers:
        own = texts(ad)
        wanted = own.pop("Requirements").replace("TARGET.", "").replace("MY.", "")
        body = ";".join(f"{k}={v}" for k, v in own.items())
        expressions.append(classad2.ClassAd(f"[{body};wanted={wanted};others={{{bodies}}};n=countMatches(wanted,others)]"))
    count = [0]

    def run():
        count[0] = sum(ad.eval("n") for ad in expressions)

    spent = timed(run)
    pairs = len(askers) * len(asked)
    return spent / pairs, count[0] / pairs


def texts(ad):
    return {name: str(ad.lookup(name)) for name in ad.keys()}


main()
