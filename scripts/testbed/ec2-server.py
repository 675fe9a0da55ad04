"""moto's EC2 server, with behaviours of real EC2 that moto 5.2 lacks, and levers for tests.

usage: python ec2-server.py --port N [--levers FILE] [--calls FILE]

Added: RunInstances starts up to MaxCount and at least MinCount; ClientToken is honoured (the same call gives the
same instances, another one IdempotentParameterMismatch); the filters client-token and instance-lifecycle; unknown
images and types, MinCount > MaxCount and user data over 16 KiB are refused; instances are pending and shutting-down
for a time; a terminated one cannot be started; a mapping of the image's own root volume keeps what it does not say. An
instant fleet goes through its overrides in their order, starts what there is room for, says of the rest by type and zone why
not, and honours its ClientToken. Spot instances have a spot request.

--calls: a line of JSON for each call: {"at": epoch seconds, "action": "RunInstances", "status": 200, "by": access key}.
--levers: a JSON file, read again at every call; every key is optional:
  "capacity": {"c5.large:us-east-1a": 0, "t3.micro": 5}   live instances allowed: InsufficientInstanceCapacity
  "vcpus": 64                                             live vCPUs allowed: VcpuLimitExceeded
  "boot_seconds": 3, "stop_seconds": 2                    pending -> running, shutting-down -> terminated
  "throttle": 0.2                                         share of RunInstances answered RequestLimitExceeded
  "notices": ["i-0123"]                                   spot instances that EC2 will take back: marked-for-termination
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
from moto.ec2.responses.fleets import Fleets  # noqa: E402
from moto.ec2.responses.instances import InstanceResponse  # noqa: E402
from moto.ec2.responses.spot_instances import SpotInstances  # noqa: E402
from moto.ec2.utils import convert_tag_spec, parse_user_data, random_fleet_id  # noqa: E402
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
fleets = {}  # (account, region, client token) -> (parameters, answer)


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
moto_mappings = InstanceResponse._parse_block_device_mapping


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
    return room_in(self.ec2_backend, kind, zone, wanted, 0 if dry else least, settings)


def room_in(backend, kind, zone, wanted, least, settings):
    live = [i for r in backend.reservations.values() for i in r.instances if i._state.name in LIVE]
    room = wanted
    for key, allowed in settings.get("capacity", {}).items():
        capped_kind, _, capped_zone = key.partition(":")
        if capped_kind == kind and capped_zone in ("", zone):
            used = sum(1 for i in live if i.instance_type == kind and capped_zone in ("", i._placement.zone))
            room = min(room, allowed - used)
    if room < least:
        raise refusal("InsufficientInstanceCapacity", f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone}).", 500)
    if "vcpus" in settings:
        room = min(room, (settings["vcpus"] - sum(vcpus(i.instance_type) for i in live)) // vcpus(kind))
        if room < least:
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
        begin(result.result.instances, settings)
        if token:
            tokens[key] = (parameters, result.result.id)
        return result


def begin(instances, settings):
    for instance in instances:
        instance.listed_from = time.monotonic() + settings.get("hide_seconds", 0)
        if settings.get("boot_seconds"):
            instance._state = TimedState("pending", 0, ("running", 16), settings["boot_seconds"])


def block_device_mapping(self):
    image = self._get_param("ImageId")
    roots = [each.root_device_name for each in self.ec2_backend.describe_images(ami_ids=[image])] if image else []
    mappings = moto_mappings(self)
    for mapping in mappings:
        ebs = mapping["Ebs"]
        if not ebs["VolumeSize"] and not ebs["SnapshotId"]:
            if mapping["DeviceName"] not in roots:
                raise refusal("MissingParameter", "The request must contain the parameter size or snapshotId")
            ebs["VolumeSize"] = 15
    return mappings


def create_fleet(self):
    if self._get_param("Type") != "instant":
        raise refusal("InvalidParameterValue", "Only instant fleets are known here.")
    with launching:
        settings = levers()
        if random.random() < settings.get("throttle", 0):
            raise refusal("RequestLimitExceeded", "Request limit exceeded.", 503)
        token = self._get_param("ClientToken")
        key = (self.current_account, self.region, token)
        parameters = {k: v for k, v in self.querystring.items() if k not in ("ClientToken", "Action", "Version", "DryRun")}
        before, answer = fleets.get(key, (None, None)) if token else (None, None)
        if answer is not None:
            if before != parameters:
                raise refusal("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
            return ActionResult(answer)
        capacity = self._get_param("TargetCapacitySpecification", {})
        spot = capacity.get("DefaultTargetCapacityType") == "spot"
        left = int(capacity["TotalTargetCapacity"])
        tags = convert_tag_spec(self._get_param("TagSpecifications", []))
        configs = self._get_param("LaunchTemplateConfigs", [])
        for config in configs:
            spec = config["LaunchTemplateSpecification"]
            self.ec2_backend.get_launch_template(template_id=spec["LaunchTemplateId"]).get_version(int(spec["Version"]))
        self.error_on_dryrun()
        answer = {"FleetId": random_fleet_id(), "Instances": [], "Errors": []}
        for config in configs:
            user_data = parse_user_data(config["LaunchTemplateSpecification"].get("LaunchTemplateSpecificationUserData"))
            for override in config.get("Overrides", []):
                if left < 1:
                    break
                kind, zone = override["InstanceType"], override.get("AvailabilityZone", "")
                about = {
                    "LaunchTemplateAndOverrides": {"LaunchTemplateSpecification": config["LaunchTemplateSpecification"], "Overrides": override},
                    "Lifecycle": "spot" if spot else "on-demand",
                }
                count = left
                try:
                    count = min(left, room_in(self.ec2_backend, kind, zone, left, 1, settings))
                except EC2ClientError as error:
                    answer["Errors"].append({**about, "ErrorCode": error.code, "ErrorMessage": error.message})
                    continue
                made = self.ec2_backend.run_instances(
                    override["ImageId"], count, user_data, [], instance_type=kind, is_instance_type_default=False,
                    placement=zone or None, region_name=self.region, subnet_id=override.get("SubnetId"), tags=tags,
                    instance_market_options="spot" if spot else {}, metadata_options=override.get("MetadataOptions", {}),
                ).instances
                begin(made, settings)
                left -= count
                answer["Instances"].append({**about, "InstanceIds": [i.id for i in made], "InstanceType": kind})
        if token:
            fleets[key] = (parameters, answer)
        return ActionResult(answer)


def describe_spot_instance_requests(self):
    filters = self._filters_from_querystring()
    noticed = levers().get("notices", [])
    rows = []
    for reservation in self.ec2_backend.reservations.values():
        for instance in reservation.instances:
            if instance.lifecycle != "spot":
                continue
            ended = instance._state.name not in LIVE
            code = "instance-terminated-by-user" if ended else "marked-for-termination" if instance.id in noticed else "fulfilled"
            row = {
                "SpotInstanceRequestId": "sir-" + instance.id[2:10],
                "InstanceId": instance.id,
                "State": "closed" if ended else "active",
                "Type": "one-time",
                "Status": {"Code": code, "Message": f"Your Spot Instance is {code}."},
                "Tags": instance.get_tags(),
            }
            if code in filters.get("status-code", [code]) and row["State"] in filters.get("state", [row["State"]]):
                rows.append(row)
    return ActionResult({"SpotInstanceRequests": rows})


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
    InstanceResponse._validate_block_device_mapping = staticmethod(lambda mapping: None)
    InstanceResponse._parse_block_device_mapping = block_device_mapping
    Fleets.create_fleet = create_fleet
    SpotInstances.describe_spot_instance_requests = describe_spot_instance_requests
    InstanceBackend.all_reservations = all_reservations
    app = DomainDispatcherApplication(create_backend_app)
    app.debug = True
    run_simple("127.0.0.1", options.port, with_levers(app), threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()
