"""Evaluates ClassAd expressions with HTCondor's own library (PyPI htcondor): a JSON line in, a JSON line out.

In:  {"expr": text, "ad": text or null, "target": text or null}, {"match": [left, right]} or {"version": true}
Out: {"value": text}, {"matches": boolean} or {"version": text}. Text that is no expression gives PARSEFAIL, a failed
evaluation gives error. Ads that begin with [ are in the new form, others in the long form.
"""

import json
import sys

import classad2
import htcondor2  # noqa: F401  registers HTCondor's own functions and turns old semantics on


def ad_of(text):
    if text is None:
        return None
    if text.lstrip().startswith("["):
        return classad2.ClassAd(text)
    return classad2.parseOne(text)


def value_of(request):
    try:
        expr = classad2.ExprTree(request["expr"])
    except Exception:
        return "PARSEFAIL"
    try:
        ad, target = ad_of(request.get("ad")), ad_of(request.get("target"))
    except Exception:
        return "BADAD"
    try:
        return repr(expr.simplify(ad, target))
    except classad2.ClassAdException:
        return "error"


def holds(ad, target):
    """Whether Requirements is true or a number that is not zero, as the negotiator asks."""
    try:
        text = repr(ad.lookup("Requirements").simplify(ad, target))
    except (KeyError, classad2.ClassAdException):
        return False
    if text == "true":
        return True
    try:
        return float(text) != 0
    except ValueError:
        return False


def matches(left, right):
    left, right = ad_of(left), ad_of(right)
    return holds(right, left) and holds(left, right)


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if "version" in request:
            answer = {"version": classad2.version()}
        elif "match" in request:
            answer = {"matches": matches(*request["match"])}
        else:
            answer = {"value": value_of(request)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
