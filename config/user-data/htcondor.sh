#!/bin/sh
# Boot template: makes a machine with HTCondor installed join the pool as one partitionable slot.
#
# Spillway fills in the words in double braces for each machine and passes the result as user data, so this runs
# once, as root, at the first boot. A copy of this file is the place for a site's own set-up.
#   collector, trustDomain, token     how to join; the token is this machine's own, for advertising itself only
#   instance, pool, offer, site       who it is, in Spillway's words
#   cpus, memoryMiB, diskMiB, gpus    what the offer promised to jobs
#   attributes                        lines that publish the offer's own attributes (VMType and the like)
# A variable that stands alone on its line may have several lines.
set -eu
umask 022
exec >>/var/log/spillway-boot.log 2>&1
echo "boot of {{instance}} begins"

if ! command -v condor_master >/dev/null; then
  echo "there is no condor_master in this image: install HTCondor in it" >&2
  exit 1
fi

# The token first, readable by root only, by way of a file: arguments are seen by every process. Without it
# nothing is started, and the machine shows up nowhere.
mkdir -p /etc/condor/config.d /etc/condor/tokens.d
chmod 700 /etc/condor/tokens.d
(
  umask 077
  cat >/etc/condor/tokens.d/spillway <<'END_OF_TOKEN'
{{token}}
END_OF_TOKEN
)
if ! grep -q . /etc/condor/tokens.d/spillway; then
  echo "no token: HTCondor is not started" >&2
  exit 1
fi

cat >/etc/condor/config.d/50-spillway.config <<'END_OF_CONFIG'
DAEMON_LIST = MASTER, STARTD
COLLECTOR_HOST = {{collector}}
TRUST_DOMAIN = {{trustDomain}}

# Cloud machines often have no name that others can resolve: this one is a label, addresses are used.
NETWORK_HOSTNAME = {{instance}}.spillway
UID_DOMAIN = $(NETWORK_HOSTNAME)
FILESYSTEM_DOMAIN = $(NETWORK_HOSTNAME)

use security:recommended_v9_0
SEC_DEFAULT_AUTHENTICATION_METHODS = IDTOKENS
SEC_TOKEN_SYSTEM_DIRECTORY = /etc/condor/tokens.d
# With the family session of the host's own daemons a collector elsewhere refuses the startd.
SEC_USE_FAMILY_SESSION = FALSE
USE_SHARED_PORT = FALSE

# What the offer promised, as one slot that is divided as jobs ask.
NUM_CPUS = {{cpus}}
MEMORY = {{memoryMiB}}
DISK = {{diskMiB}} * 1024
NUM_SLOTS = 1
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = TRUE

# Runs whatever is matched to it, to its end: Spillway drains the machine before it ends it.
START = TRUE
SUSPEND = FALSE
PREEMPT = FALSE
KILL = FALSE
CLAIM_WORKLIFE = 1200
# A drain lets jobs run for so long (s); with HTCondor's own default it would evict them at once.
MAXJOBRETIREMENTTIME = 315360000
MachineMaxVacateTime = 10
# A dead man's switch: a machine that has had no job for so long (s) leaves the pool by itself, should nobody be there
# to end it. It ends no job. Longer than any idle time of the config.
STARTD_NOCLAIM_SHUTDOWN = 604800

# Up within a second or two: the probes of transfer plugins and benchmarks take longer than all else.
FILETRANSFER_PLUGINS = $(LIBEXEC)/curl_plugin
ENABLE_URL_TRANSFERS = FALSE
OFFER_VM_UNIVERSE = FALSE
RUNBENCHMARKS = FALSE
UPDATE_INTERVAL = 60
MASTER_UPDATE_INTERVAL = 60

# GPUs are looked for where the offer has some, which takes seconds: their driver must be in the image.
if ! {{gpus}}
  STARTD_DETECT_GPUS = FALSE
endif

# How Spillway knows its machine again.
SpillwayInstance = "{{instance}}"
SpillwayPool = "{{pool}}"
SpillwayOffer = "{{offer}}"
SpillwaySite = "{{site}}"
STARTD_ATTRS = $(STARTD_ATTRS) SpillwayInstance SpillwayPool SpillwayOffer SpillwaySite
{{attributes}}
END_OF_CONFIG

# It leaves the pool by STARTD_NOCLAIM_SHUTDOWN, and is paid for until it is turned off.
mkdir -p /usr/local/sbin
cat >/usr/local/sbin/spillway-dead-man <<'END_OF_SWITCH'
#!/bin/sh
# When condor_master has been there and is gone for ten minutes, nobody wants this machine: it is turned off.
until pidof condor_startd >/dev/null; do sleep 60; done
missed=0
while [ "$missed" -lt 10 ]; do
  sleep 60
  if pidof condor_master >/dev/null; then missed=0; else missed=$((missed + 1)); fi
done
exec poweroff
END_OF_SWITCH
chmod 755 /usr/local/sbin/spillway-dead-man

# Where a machine must use one of several addresses, its image or its host says which.
if [ -s /run/machine-address ]; then
  printf 'NETWORK_INTERFACE = %s\nBIND_ALL_INTERFACES = FALSE\nENABLE_IPV6 = FALSE\n' \
    "$(cat /run/machine-address)" >/etc/condor/config.d/51-address.config
fi

# User data can be read from the cloud's metadata service by every process on the machine, jobs included: keep
# all but root from it, where that can be done. A site whose jobs need that service removes this.
if command -v iptables >/dev/null; then
  iptables -I OUTPUT -d 169.254.169.254 -m owner ! --uid-owner 0 -j REJECT || echo "metadata service left open"
fi

if [ -d /run/systemd/system ]; then
  systemd-run --no-block --unit=spillway-dead-man /usr/local/sbin/spillway-dead-man || echo "no dead man's switch"
  systemctl enable condor
  systemctl restart --no-block condor
else
  install -d -o condor -g condor "$(condor_config_val LOCK)" "$(condor_config_val RUN)"
  exec condor_master -f
fi
