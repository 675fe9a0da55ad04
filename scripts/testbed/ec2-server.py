"""moto's EC2 server, with behaviours of real EC2 that moto 5.2 lacks, and levers for tests.

usage: python ec2-server.py --port N [--levers FILE] [--calls FILE]

Added: RunInstances starts up to MaxCount and at least MinCount; ClientToken is honoured (the same call gives the
same instances, another one IdempotentParameterMismatch); the filters client-token and instance-lifecycle; unknown
images and types, MinCount > MaxCount and user data over 16 KiB are refused; instances are pending and shutting-down
for a time; a terminated one cannot be started.

--calls: a line of JSON for each call: {"at": epoch seconds, "action": "RunInstances", "status": 200, "by": access key}.
--levers: a JSON file, read again at every call; every key is optional:
  "capacity": {"c5.large:us-east-1a": 0, "t3.micro": 5}   live instances allowed: InsufficientInstanceCapacity
  "vcpus": 64                                             live vCPUs allowed: VcpuLimitExceeded
  "boot_seconds": 3, "stop_seconds": 2                    pending -> running, shutting-down -> terminated
  "throttle": 0.2                                         share of RunInstances answered RequestLimitExceeded
  "hide_seconds": 2                                       a new instance is not listed for so long
  "actions": {"RunInstances": {...}}                      for a call of this name:
      "delay_before": 1     seconds before it is carried out
      "delay_after": 5      seconds between carrying it out and answering
      "refuse": 503         answered with this HTTP status, not carried out
      "lose": 500           carried out, then answered with this HTTP status; 0: the connection breaks
"""
import argparse
import io
import json
import os
import random
import socket
import threading
import time
from urllib.parse import parse_qs

os.environ.setdefault("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
os.environ.setdefault("MOTO_ENABLE_AMI_VALIDATION", "true")
os.environ.setdefault("MOTO_ENABLE_KEYPAIR_VALIDATION", "false")

from moto.core.responses import ActionResult  # noqa: E402  (the environment comes first)
from moto.ec2 import utils  # noqa: E402
from moto.ec2.exceptions import EC2ClientError  # noqa: E402
from moto.ec2.models.instance_types import INSTANCE_TYPES  # noqa: E402
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState  # noqa: E402
from moto.ec2.responses.instances import InstanceResponse  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple  # noqa: E402

USER_DATA_BYTES_MAX = 16384
LIVE = ("pending", "running")

options = None
launching = threading.RLock()
tokens = {}  # (account, region, client token) -> (parameters, reservation id)


def levers():
    try:
        with open(options.levers) as file:
            return json.load(file)
    except (TypeError, FileNotFoundError, ValueError):
        return {}


def refusal(code, message, status=400):
    error = EC2ClientError(code, message)
    error.status_code = status
    return error


class TimedState(InstanceState):
    """A state that becomes another one when its time has come."""

    def __init__(self, name, code, then, seconds):
        self.__dict__.update(_name=name, _code=code, _then=then, _at=time.monotonic() + seconds)

    def _now(self):
        return self._then if time.monotonic() >= self._at else (self._name, self._code)

    name = property(lambda s: s._now()[0], lambda s, v: s.__dict__.update(_name=v, _at=float("inf")))
    code = property(lambda s: s._now()[1], lambda s, v: s.__dict__.update(_code=v, _at=float("inf")))


def vcpus(instance_type):
    return INSTANCE_TYPES.get(instance_type, {}).get("VCpuInfo", {}).get("DefaultVCpus", 1)


moto_terminate = Instance.terminate
moto_start = Instance.start
moto_run_instances = InstanceResponse.run_instances
moto_all_reservations = InstanceBackend.all_reservations


def terminate(self, *args, **kwargs):
    if self._state.name in ("terminated", "shutting-down"):
        return self._state
    result = moto_terminate(self, *args, **kwargs)
    self._state = TimedState("shutting-down", 32, ("terminated", 48), levers().get("stop_seconds", 0))
    return result


def start(self):
    if self._state.name in ("terminated", "shutting-down"):
        raise refusal("IncorrectInstanceState", f"The instance '{self.id}' is not in a state from which it can be started.")
    return moto_start(self)


def room_for(self, wanted, least, settings):
    """How many of the wanted instances may start, or a refusal if that is less than the least."""
    dry = self._get_param("DryRun")
    kind = self._get_param("InstanceType") or "m1.small"
    zone = self._get_param("Placement.AvailabilityZone") or ""
    live = [i for r in self.ec2_backend.reservations.values() for i in r.instances if i._state.name in LIVE]
    room = wanted
    for key, allowed in settings.get("capacity", {}).items():
        capped_kind, _, capped_zone = key.partition(":")
        if capped_kind == kind and capped_zone in ("", zone):
            used = sum(1 for i in live if i.instance_type == kind and capped_zone in ("", i._placement.zone))
            room = min(room, allowed - used)
    if room < least and not dry:
        raise refusal("InsufficientInstanceCapacity", f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone}).", 500)
    if "vcpus" in settings:
        room = min(room, (settings["vcpus"] - sum(vcpus(i.instance_type) for i in live)) // vcpus(kind))
        if room < least and not dry:
            raise refusal("VcpuLimitExceeded", f"You have requested more vCPU capacity than your current vCPU limit of {settings['vcpus']} allows.")
    return max(room, least)


def run_instances(self):
    with launching:
        settings = levers()
        if random.random() < settings.get("throttle", 0):
            raise refusal("RequestLimitExceeded", "Request limit exceeded.", 503)
        least, most = int(self._get_param("MinCount") or 1), int(self._get_param("MaxCount") or 1)
        if least < 1 or most < least:
            raise refusal("InvalidParameterValue", f"Invalid value '{least}' for minCount/maxCount.")
        if len(self._get_param("UserData") or "") * 3 // 4 > USER_DATA_BYTES_MAX:
            raise refusal("InvalidParameterValue", f"User data is limited to {USER_DATA_BYTES_MAX} bytes")
        token = self._get_param("ClientToken")
        key = (self.current_account, self.region, token)
        ignored = ("ClientToken", "Action", "Version", "DryRun")
        parameters = {k: v for k, v in self.querystring.items() if k not in ignored}
        before, reservation = tokens.get(key, (None, None)) if token else (None, None)
        if reservation in self.ec2_backend.reservations and not self._get_param("DryRun"):
            if before != parameters:
                raise refusal("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
            return ActionResult(self.ec2_backend.reservations[reservation])
        count = room_for(self, most, least, settings)
        get = self._get_param  # moto starts MinCount instances: give it the number as that
        self._get_param = lambda name, *a, **k: str(count) if name == "MinCount" else get(name, *a, **k)
        try:
            result = moto_run_instances(self)
        finally:
            del self._get_param
        for instance in result.result.instances:
            instance.listed_from = time.monotonic() + settings.get("hide_seconds", 0)
            if settings.get("boot_seconds"):
                instance._state = TimedState("pending", 0, ("running", 16), settings["boot_seconds"])
        if token:
            tokens[key] = (parameters, result.result.id)
        return result


def all_reservations(self, *args, **kwargs):
    now, shown = time.monotonic(), []
    for reservation in moto_all_reservations(self, *args, **kwargs):
        reservation.instances = [i for i in reservation.instances if getattr(i, "listed_from", 0) <= now]
        if reservation.instances:
            shown.append(reservation)
    return shown


def with_levers(app):
    """Wraps the server: notes each call, and delays, refuses or loses those that the levers name."""
    noting = threading.Lock()

    def note(action, status, by):
        if not options.calls:
            return
        with noting, open(options.calls, "a") as file:
            file.write(json.dumps({"at": round(time.time(), 3), "action": action, "status": status, "by": by}) + "\n")

    def serve(environ, start_response):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        if len(body) < length:
            raise ConnectionAbortedError("half a request is none")
        action = parse_qs(body[:2000].decode("latin-1")).get("Action", [None])[0]
        environ["wsgi.input"] = io.BytesIO(body)
        if action is None:
            return app(environ, start_response)
        by = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition("/")[0]
        lever = levers().get("actions", {}).get(action, {})
        time.sleep(lever.get("delay_before", 0))

        def answer_with(status):
            note(action, status, by)
            if status == 0:
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                raise ConnectionAbortedError("the answer is lost, as the levers say")
            start_response(f"{status} Lever", [("Content-Type", "text/plain")])
            return [b"as the levers say\n"]

        if "refuse" in lever:
            return answer_with(lever["refuse"])
        answer = {}

        def remember(status, headers, exc_info=None):
            answer.update(status=status, headers=headers)
            return lambda data: None

        chunks = list(app(environ, remember))
        time.sleep(lever.get("delay_after", 0))
        if "lose" in lever:
            return answer_with(lever["lose"])
        note(action, int(answer["status"].split()[0]), by)
        start_response(answer["status"], answer["headers"])
        return chunks

    return serve


def main():
    global options
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--levers")
    parser.add_argument("--calls")
    options = parser.parse_args()
    utils.filter_dict_attribute_mapping["client-token"] = "client_token"
    utils.filter_dict_attribute_mapping["instance-lifecycle"] = "lifecycle"
    Instance.terminate = terminate
    Instance.start = start
    InstanceResponse.run_instances = run_instances
    InstanceBackend.all_reservations = all_reservations
    app = DomainDispatcherApplication(create_backend_app)
    app.debug = True
    run_simple("127.0.0.1", options.port, with_levers(app), threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()
