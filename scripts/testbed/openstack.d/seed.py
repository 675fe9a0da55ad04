"""seed.py STAGE: fill the testbed, by the services' own APIs. Places and passwords come from the environment.

identity   the service users, the catalog, the projects demo and small, the user demo
content    flavors, quotas, images, networks, a key pair
hosts      wait for the compute host, and put it into the zone az-lab
clean      delete all servers, and all addresses that are not attached
"""
import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request

KEYSTONE = os.environ['LAB_KEYSTONE']
GLANCE = os.environ['LAB_GLANCE']
NEUTRON = os.environ['LAB_NEUTRON']
NOVA = os.environ['LAB_NOVA']
PLACEMENT = os.environ['LAB_PLACEMENT']
PASSWORDS = {'admin': os.environ['LAB_ADMIN_PASSWORD'], 'demo': os.environ['LAB_DEMO_PASSWORD']}
SERVICE_PASSWORD = os.environ['LAB_SERVICE_PASSWORD']
NOVA_VERSION = {'OpenStack-API-Version': 'compute 2.93'}


def call(method, url, body=None, token=None, headers=None, data=None):
    """The answer's status, headers and body; an error's, too."""
    sent = data if data is not None else (None if body is None else json.dumps(body).encode())
    request = urllib.request.Request(url, data=sent, method=method)
    request.add_header('Accept', 'application/json')
    if sent is not None and data is None:
        request.add_header('Content-Type', 'application/json')
    for key, value in (headers or {}).items():
        request.add_header(key, value)
    if token is not None:
        request.add_header('X-Auth-Token', token)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
            return answer.status, answer.headers, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode(errors='replace')


def must(method, url, body=None, accept=(200, 201, 202, 204), **more):
    status, _headers, answer = call(method, url, body, **more)
    if status not in accept:
        sys.exit(f'{method} {url}: HTTP {status}: {str(answer)[:500]}')
    return answer


def must_be(method, url, token, accept):
    status, _headers, answer = call(method, url, token=token)
    if status not in accept:
        sys.exit(f'{method} {url}: HTTP {status}: {str(answer)[:500]}')
    return status


def token_of(user, project):
    domain = {'id': 'default'}
    identity = {
        'methods': ['password'],
        'password': {'user': {'name': user, 'password': PASSWORDS[user], 'domain': domain}},
    }
    scope = {'project': {'name': project, 'domain': domain}}
    body = {'auth': {'identity': identity, 'scope': scope}}
    status, headers, answer = call('POST', f'{KEYSTONE}/v3/auth/tokens', body)
    if status != 201:
        sys.exit(f'{user} cannot log in to {project}: HTTP {status}: {str(answer)[:500]}')
    return headers['X-Subject-Token']


def identity():
    token = token_of('admin', 'admin')

    def made(kind, body):
        return must('POST', f'{KEYSTONE}/v3/{kind}s', {kind: body}, token=token)[kind]['id']

    roles = must('GET', f'{KEYSTONE}/v3/roles', token=token)['roles']
    role = {one['name']: one['id'] for one in roles}

    def grant(project, user, name):
        must('PUT', f'{KEYSTONE}/v3/projects/{project}/users/{user}/roles/{role[name]}', token=token)

    service = made('project', {'name': 'service', 'domain_id': 'default'})
    for name in ('nova', 'neutron', 'glance', 'placement'):
        user = made('user', {'name': name, 'password': SERVICE_PASSWORD, 'domain_id': 'default'})
        grant(service, user, 'admin')
    places = {
        'compute': ('nova', f'{NOVA}/v2.1'),
        'network': ('neutron', NEUTRON),
        'image': ('glance', GLANCE),
        'placement': ('placement', PLACEMENT),
    }
    for kind, (name, url) in places.items():
        entry = made('service', {'name': name, 'type': kind})
        for interface in ('public', 'internal', 'admin'):
            made('endpoint', {'service_id': entry, 'interface': interface, 'region_id': 'RegionOne', 'url': url})
    demo = made('user', {'name': 'demo', 'password': PASSWORDS['demo'], 'domain_id': 'default'})
    for name in ('demo', 'small'):
        project = made('project', {'name': name, 'domain_id': 'default'})
        grant(project, demo, 'member')


def content():
    token = token_of('admin', 'admin')
    flavors = (
        ('1', 'm1.nano', 1, 128, 1),
        ('2', 'm1.tiny', 1, 512, 1),
        ('3', 'm1.small', 1, 2048, 20),
        ('4', 'm1.large', 4, 8192, 80),
        ('9', 'm1.impossible', 999, 2_000_000, 10),
    )
    for flavor_id, name, cpus, ram, disk in flavors:
        flavor = {'id': flavor_id, 'name': name, 'vcpus': cpus, 'ram': ram, 'disk': disk}
        must('POST', f'{NOVA}/v2.1/flavors', {'flavor': flavor}, token=token, headers=NOVA_VERSION)
    projects = must('GET', f'{KEYSTONE}/v3/projects', token=token)['projects']
    project = {one['name']: one['id'] for one in projects}
    quotas = {
        'demo': {'instances': 2000, 'cores': 4000, 'ram': 8_000_000},
        'small': {'instances': 2, 'cores': 6, 'ram': 12_000},
    }
    for name, quota in quotas.items():
        url = f'{NOVA}/v2.1/os-quota-sets/{project[name]}'
        must('PUT', url, {'quota_set': quota}, token=token, headers=NOVA_VERSION)
    for name, properties in (
        ('worker-a', {'os_distro': 'debian'}),
        ('worker-b', {'os_distro': 'alma', 'build': '1'}),
        ('worker-b', {'os_distro': 'alma', 'build': '2'}),
    ):
        image = {'name': name, 'visibility': 'public', 'disk_format': 'raw', 'container_format': 'bare', **properties}
        image_id = must('POST', f'{GLANCE}/v2/images', image, token=token)['id']
        binary = {'Content-Type': 'application/octet-stream'}
        must('PUT', f'{GLANCE}/v2/images/{image_id}/file', token=token, data=bytes(512), headers=binary)
    networks(token)
    public = base64.b64encode(b'\0\0\0\x0bssh-ed25519\0\0\0 ' + bytes(range(32))).decode()
    keypair = {'name': 'farmkey', 'type': 'ssh', 'public_key': f'ssh-ed25519 {public} lab'}
    demo = token_of('demo', 'demo')
    must('POST', f'{NOVA}/v2.1/os-keypairs', {'keypair': keypair}, token=demo, headers=NOVA_VERSION)


def networks(token):
    def made(kind, body):
        return must('POST', f'{NEUTRON}/v2.0/{kind}s', {kind: body}, token=token)[kind]['id']

    def subnet(network, cidr, **more):
        return made('subnet', {'network_id': network, 'ip_version': 4, 'cidr': cidr, 'enable_dhcp': False, **more})

    lab = made('network', {'name': 'labnet', 'shared': True})
    inner = subnet(lab, '10.99.0.0/16')
    tiny = made('network', {'name': 'tinynet', 'shared': True})
    subnet(tiny, '10.98.0.0/29', allocation_pools=[{'start': '10.98.0.2', 'end': '10.98.0.2'}])
    outer = {'provider:network_type': 'flat', 'provider:physical_network': 'ext'}
    external = made('network', {'name': 'ext', 'router:external': True, **outer})
    subnet(external, '203.0.113.0/24')
    router = made('router', {'name': 'way-out', 'external_gateway_info': {'network_id': external}})
    must('PUT', f'{NEUTRON}/v2.0/routers/{router}/add_router_interface', {'subnet_id': inner}, token=token)


def hosts():
    """A create before the host is known in its cell would end in "No valid host"."""
    token = token_of('admin', 'admin')
    url = f'{NOVA}/v2.1'
    for _attempt in range(240):
        _status, _headers, services = call('GET', f'{url}/os-services', token=token)
        _status, _headers, known = call('GET', f'{url}/os-hypervisors', token=token)
        is_up = isinstance(services, dict) and any(
            one['binary'] == 'nova-compute' and one['state'] == 'up' for one in services['services']
        )
        if is_up and isinstance(known, dict) and known['hypervisors']:
            break
        time.sleep(0.5)
    else:
        sys.exit('the compute host did not come up')
    if any(one['name'] == 'az-lab' for one in must('GET', f'{url}/os-aggregates', token=token)['aggregates']):
        return
    aggregate = {'aggregate': {'name': 'az-lab', 'availability_zone': 'az-lab'}}
    made = must('POST', f'{url}/os-aggregates', aggregate, token=token)['aggregate']['id']
    must('POST', f'{url}/os-aggregates/{made}/action', {'add_host': {'host': 'lab1'}}, token=token)


def clean():
    for project in ('demo', 'small'):
        token = token_of('demo', project)
        for _attempt in range(120):
            servers = must('GET', f'{NOVA}/v2.1/servers?limit=1000', token=token)['servers']
            if not servers:
                break
            answers = [
                must_be('DELETE', f"{NOVA}/v2.1/servers/{server['id']}", token, (204, 404, 409)) for server in servers
            ]
            if all(status == 404 for status in answers):
                break  # listed, and nobody can delete them: `openstack clean` does it in the database
            time.sleep(1)
        else:
            sys.exit(f'servers of {project} do not go')
        for address in must('GET', f'{NEUTRON}/v2.0/floatingips', token=token)['floatingips']:
            must('DELETE', f"{NEUTRON}/v2.0/floatingips/{address['id']}", token=token, accept=(204, 404))


{'identity': identity, 'content': content, 'hosts': hosts, 'clean': clean}[sys.argv[1]]()
