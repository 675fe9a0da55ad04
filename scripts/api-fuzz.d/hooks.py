"""What schemathesis is told of this API: names that are there, so that requests come further than `unknown`; and a count of answers."""

import atexit
import json
import os
import random
from collections import Counter

import schemathesis

POOL = "desks"
# Half of the names that are made up are put in place of those that are there.
KNOWN_SHARE = 0.5
KEPT = 50
TOKEN_SHARE = 0.95
# The count is on disk even where the run is cut short.
COUNTED_EVERY = 200

choice = random.Random(int(os.environ.get("API_FUZZ_SEED", "1")))
statuses = Counter()
leases, instances = [], []


def known(kind, fallback):
    return choice.choice(kind) if kind and choice.random() < KNOWN_SHARE else fallback


def put(container, name, value):
    if isinstance(container, dict) and name in container and choice.random() < KNOWN_SHARE:
        container[name] = value
    return container


@schemathesis.hook
def map_body(context, body):
    return put(put(body, "pool", POOL), "requirements", "true")


@schemathesis.hook
def map_query(context, query):
    # A long poll is a poll: it is not what is tested here.
    if isinstance(query, dict) and "waitMs" in query:
        query["waitMs"] = put({"waitMs": query["waitMs"]}, "waitMs", "50")["waitMs"]
        if str(query["waitMs"]).isdigit() and int(query["waitMs"]) > 100:
            query["waitMs"] = "100"
    return put(query, "pool", POOL)


@schemathesis.hook
def map_path_parameters(context, parameters):
    path = context.operation.path
    if isinstance(parameters, dict):
        if "name" in parameters:
            put(parameters, "name", POOL)
        if "id" in parameters and "/leases/" in path:
            parameters["id"] = known(leases, parameters["id"])
        if "id" in parameters and "/instance" in path:
            parameters["id"] = known(instances, parameters["id"])
    return parameters


@schemathesis.hook
def before_call(context, case, kwargs):
    # Who shows no token comes no further than that: most requests show one, whatever has been made up for the header.
    if choice.random() < TOKEN_SHARE:
        case.headers["Authorization"] = "Bearer " + os.environ["API_FUZZ_TOKEN"]
    if isinstance(case.query, dict) and "from" in case.query:
        case.query.setdefault("waitMs", "50")


@schemathesis.hook
def after_call(context, case, response):
    statuses[response.status_code] += 1
    if sum(statuses.values()) % COUNTED_EVERY == 0:
        write_counts()
    try:
        answer = json.loads(response.content)
    except ValueError:
        return
    if not isinstance(answer, dict):
        return
    if isinstance(answer.get("lease"), dict):
        leases.append(answer["lease"]["id"])
        if answer["lease"]["instance"]:
            instances.append(answer["lease"]["instance"])
    for one in answer.get("instances", []):
        if isinstance(one, dict):
            instances.append(one["id"])
    del leases[:-KEPT], instances[:-KEPT]


@atexit.register
def write_counts():
    path = os.environ.get("API_FUZZ_COUNTS")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({str(status): count for status, count in sorted(statuses.items())}, file)
