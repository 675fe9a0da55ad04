#!/bin/bash
# machine.sh ROOT FOLDER NAME ADDRESS: the first process of a machine, run by the booter in namespaces of its own
# (mount, host name, processes). Lays a writable layer over ROOT, changes into it and runs FOLDER/boot, if it is
# there, as the machine's first boot. When this process ends, the kernel ends everything in the machine.
set -eu
root=$1 folder=$2 name=$3 address=$4
new=$folder/root

mkdir -p "$folder"/{root,upper,work}
overlay() { mount -t overlay overlay -o "lowerdir=$root,upperdir=$1/upper,workdir=$1/work" "$new"; }
if ! overlay "$folder" 2>/dev/null; then # a folder that is an overlay itself cannot hold the writable layer
  mount -t tmpfs -o mode=755 tmpfs "$folder/work"
  mkdir "$folder"/work/{upper,work}
  overlay "$folder/work"
fi
mount -t proc proc "$new/proc"
mount --rbind /dev "$new/dev"
mount --bind -o ro /sys "$new/sys" # without the control groups below it: those are the host's
mount -t tmpfs -o mode=755 tmpfs "$new/run"
mkdir -m 1777 "$new/run/lock"

hostname "$name"
printf '%s\n' "$name" >"$new/etc/hostname"
printf '127.0.0.1 localhost\n%s %s\n' "$address" "$name" >"$new/etc/hosts"
# What a hypervisor's DHCP says: this machine has the host's interfaces and must keep to its own address.
printf '%s\n' "$address" >"$new/run/machine-address"

mkdir -p "$new/var/lib/cloud"
if [ -e "$folder/boot" ]; then install -m 700 "$folder/boot" "$new/var/lib/cloud/boot"; fi
cd /
# The init of the machine: bash reaps what loses its parent, and lives on when the boot program has ended. SIGTERM is
# the power button: everything is asked to end, and the machine is off when all has.
# shellcheck disable=SC2016
exec chroot "$new" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
  LANG=C.UTF-8 /bin/bash -c '
    power_off() {
      kill -TERM -1
      while set -- /proc/[0-9]*; [ $# -gt 1 ]; do read -rt 0.1 <> <(:) || :; done
      exit 0
    }
    trap power_off TERM
    if [ -x /var/lib/cloud/boot ]; then /var/lib/cloud/boot </dev/null & fi
    while :; do sleep 3600 & wait $!; done'
