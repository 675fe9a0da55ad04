"""launch.py SERVICE ARGUMENT...: start one of the services whose own programs are in packages that are not installed."""
import importlib
import sys

MODULES = {
    'nova-api': 'nova.cmd.api_os_compute',
    'nova-conductor': 'nova.cmd.conductor',
    'nova-scheduler': 'nova.cmd.scheduler',
    'nova-compute': 'nova.cmd.compute',
    'glance-api': 'glance.cmd.api',
}

service = sys.argv.pop(1)
sys.argv[0] = service
if service.startswith('nova-'):
    importlib.import_module('nova.cmd')  # patches what is imported after it
if service == 'nova-compute':
    import nova.virt
    from nova.scheduler.client import report

    nova.virt.__path__.append('/opt/os/drivers')  # where nova.virt.lab is
    # Each claim would read all allocations of the host: quadratic in the number of servers.
    report.SchedulerReportClient.get_allocations_for_provider_tree = lambda *_arguments, **_named: {}
importlib.import_module(MODULES[service]).main()
