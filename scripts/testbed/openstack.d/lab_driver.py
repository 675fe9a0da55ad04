"""A compute driver of records: Nova's FakeDriver with levers for how long and how well it builds and destroys.

Levers come from the server's own metadata, else from the file /opt/os/run/lab-control.json:

lab_spawn_s       BUILD/spawning for so many seconds
lab_fail          at the end of it: abort (ERROR, "Build of instance … aborted"), resched (ERROR, "Exceeded maximum number of
                  retries"), hang (never ends; a DELETE waits for nova-compute's restart)
lab_fail_pct      the share of servers, 0 to 100 by their ids, that lab_fail is for
lab_destroy_s     deleting for so many seconds
lab_destroy_fail  once or always: the destruction fails, and the server is in ERROR
"""
import json
import time

from nova import exception
from nova.virt import fake

CONTROL = '/opt/os/run/lab-control.json'


def lever(instance, name):
    own = (instance.metadata or {}).get(name)
    if own is not None:
        return own
    try:
        with open(CONTROL) as control:
            return json.load(control).get(name)
    except (OSError, ValueError):
        return None


def is_chosen(instance):
    share = lever(instance, 'lab_fail_pct')
    return share is None or int(instance.uuid[:8], 16) % 100 < float(share)


class LabDriver(fake.FakeDriver):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.destruction_failed = set()

    def spawn(self, context, instance, *args, **kwargs):
        time.sleep(float(lever(instance, 'lab_spawn_s') or 0))
        fail = lever(instance, 'lab_fail') if is_chosen(instance) else None
        if fail == 'abort':
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason='lab_fail=abort')
        if fail == 'resched':
            raise exception.ComputeResourcesUnavailable(reason='lab_fail=resched')
        while fail == 'hang':
            time.sleep(3600)
        super().spawn(context, instance, *args, **kwargs)

    def destroy(self, context, instance, *args, **kwargs):
        time.sleep(float(lever(instance, 'lab_destroy_s') or 0))
        fail = lever(instance, 'lab_destroy_fail')
        if fail == 'always' or (fail == 'once' and instance.uuid not in self.destruction_failed):
            self.destruction_failed.add(instance.uuid)
            raise exception.InstancePowerOffFailure(reason='lab_destroy_fail')
        super().destroy(context, instance, *args, **kwargs)
