"""Times HTCondor's own library on the ads of test/bench/classad.ts: {"jobs": [text], "slots": [text]} on stdin.

Matching is timed twice:

matchClassAd  The negotiator's own function for a pair, IsAMatch: it puts the two ads into a MatchClassAd and asks its
              symmetricMatch. The Python module does not offer it, so the library is called directly; what such a call
              costs by itself is measured and taken off.
countMatches  A loop inside the library: it evaluates one expression in each ad of a list by itself. No ad is put
              anywhere and nothing is looked up through a TARGET, so it is faster than any matching that HTCondor does.
"""

import ctypes
import glob
import json
import os
import sys
import time

import classad2
import htcondor2


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
            "matchClassAd": match_class_ad(jobs, slots),
            "countMatches": {"pairsPerSecond": round(1 / pair)},
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


def match_class_ad(jobs, slots):
    folder = os.path.join(os.path.dirname(os.path.dirname(htcondor2.__file__)), "htcondor.libs")
    library = ctypes.PyDLL(glob.glob(os.path.join(folder, "libcondor_utils*"))[0])
    is_a_match = library["_Z8IsAMatchPN7classad7ClassAdES1_"]
    is_a_match.argtypes, is_a_match.restype = [ctypes.c_void_p, ctypes.c_void_p], ctypes.c_bool
    nothing = ctypes.PyDLL(None).memcmp
    nothing.argtypes, nothing.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t], ctypes.c_int
    left, right = [pointer(ad) for ad in jobs], [pointer(ad) for ad in slots]
    count = [0]

    def run():
        count[0] = sum(is_a_match(job, slot) for job in left for slot in right)

    spent = timed(run)
    overhead = timed(lambda: sum(nothing(job, slot, 0) for job in left for slot in right))
    pairs = len(left) * len(right)
    return {"pairs": pairs, "matches": count[0], "pairsPerSecond": round(pairs / (spent - overhead))}


def pointer(ad):
    """The C++ object: it follows the two words that every Python object begins with."""
    return ctypes.c_void_p.from_address(id(ad._handle) + 2 * ctypes.sizeof(ctypes.c_void_p)).value


def texts(ad):
    return {name: str(ad.lookup(name)) for name in ad.keys()}


main()
