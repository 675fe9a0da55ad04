# shellcheck shell=bash
# Sourced by ../openstack: writes the services' configuration into a testbed's state, $os, which is /opt/os inside.
# shellcheck disable=SC2154  # the ports, the passwords, $os and $parts are set there

database() { printf 'mysql+pymysql://root@localhost/%s?unix_socket=/opt/os/run/mysql.sock&charset=utf8' "$1"; }

service_login() {
  cat <<INI
auth_type = password
auth_url = http://127.0.0.1:$keystone_port/v3
username = $1
password = $service_password
user_domain_name = Default
project_name = service
project_domain_name = Default
region_name = RegionOne
INI
}

# The part that all but Keystone have: how tokens are checked, and where locks are.
token_check() {
  printf '[keystone_authtoken]\nwww_authenticate_uri = http://127.0.0.1:%s/v3\n' "$keystone_port"
  service_login "$1"
  printf '\n[oslo_concurrency]\nlock_path = /opt/os/lock\n'
}

configure() {
  local transport="rabbit://guest:guest@127.0.0.1:$rabbit_port/"
  mkdir -p "$os"/{etc,run,log,lock,tmp,mysql,rabbit,images,nova,neutron,fernet,credentials,drivers,py}
  chmod 1777 "$os/tmp"
  chmod 755 "$os"
  chown 101:101 "$os/mysql"
  chown 102:102 "$os/rabbit"
  chmod 777 "$os/run" "$os/log"

  cp "$parts/lab_driver.py" "$os/drivers/lab.py"
  cp "$parts/lab_mechanism.py" "$os/py/lab_mechanism.py"
  cp "$parts/launch.py" "$parts/seed.py" "$parts/keystone_app.py" "$os/py/"
  mkdir -p "$os/py/lab_mechanism-1.dist-info"
  printf 'Metadata-Version: 2.1\nName: lab-mechanism\nVersion: 1\n' >"$os/py/lab_mechanism-1.dist-info/METADATA"
  printf '[neutron.ml2.mechanism_drivers]\nlab = lab_mechanism:LabMechanismDriver\n' \
    >"$os/py/lab_mechanism-1.dist-info/entry_points.txt"

  cat >"$os/etc/my.cnf" <<INI
[mysqld]
datadir = /opt/os/mysql
socket = /opt/os/run/mysql.sock
pid-file = /opt/os/run/mysql.pid
log-error = /opt/os/log/mysql.log
tmpdir = /tmp
skip-networking
skip-grant-tables
innodb_flush_log_at_trx_commit = 0
innodb_flush_method = nosync
max_connections = 300
INI

  cat >"$os/etc/keystone.conf" <<INI
[DEFAULT]
log_dir = /opt/os/log
[database]
connection = $(database keystone)
[token]
provider = fernet
expiration = 3600
[fernet_tokens]
key_repository = /opt/os/fernet
[credential]
key_repository = /opt/os/credentials
[identity]
password_hash_rounds = 4
INI

  cat >"$os/etc/placement.conf" <<INI
[placement_database]
connection = $(database placement)
[api]
auth_strategy = keystone
$(token_check placement)
INI

  cat >"$os/etc/glance-api.conf" <<INI
[DEFAULT]
bind_host = 127.0.0.1
bind_port = $glance_port
workers = 0
enabled_backends = fs:file
log_file = /opt/os/log/glance-api.log
[database]
connection = $(database glance)
[glance_store]
default_backend = fs
[fs]
filesystem_store_datadir = /opt/os/images
[paste_deploy]
flavor = keystone
config_file = /usr/share/glance-common/glance-api-paste.ini
$(token_check glance)
INI

  cat >"$os/etc/neutron.conf" <<INI
[DEFAULT]
bind_host = 127.0.0.1
bind_port = $neutron_port
api_paste_config = /usr/share/neutron-common/api-paste.ini
auth_strategy = keystone
core_plugin = ml2
service_plugins = router
api_workers = 0
rpc_workers = 0
state_path = /opt/os/neutron
transport_url = $transport
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
[database]
connection = $(database neutron)
[ml2]
type_drivers = local,flat
tenant_network_types = local
mechanism_drivers = lab
extension_drivers = port_security
[ml2_type_flat]
flat_networks = *
[securitygroup]
enable_security_group = true
[quotas]
quota_port = -1
$(token_check neutron)
INI

  cat >"$os/etc/nova.conf" <<INI
[DEFAULT]
host = lab1
my_ip = 127.0.0.1
compute_driver = lab.LabDriver
transport_url = $transport
enabled_apis = osapi_compute
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = $nova_port
osapi_compute_workers = 1
state_path = /opt/os/nova
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
max_concurrent_builds = 50
sync_power_state_interval = -1
heal_instance_info_cache_interval = -1
[api]
auth_strategy = keystone
[wsgi]
api_paste_config = /usr/share/nova-common/api-paste.ini
[api_database]
connection = $(database nova_api)
[database]
connection = $(database nova)
[conductor]
workers = 1
[scheduler]
workers = 1
discover_hosts_in_cells_interval = 5
[filter_scheduler]
build_failure_weight_multiplier = 0
[vnc]
enabled = false
[glance]
api_servers = http://127.0.0.1:$glance_port
[placement]
$(service_login placement)
[neutron]
$(service_login neutron)
$(token_check nova)
INI
}
