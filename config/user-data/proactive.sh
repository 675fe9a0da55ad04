#!/bin/sh
# Boot template: makes a machine with ProActive's node installed join its node source.
#
# Spillway fills in the words in double braces for each machine and passes the result as user data, so this runs
# once, as root, at the first boot. A copy of this file is the place for a site's own set-up.
#   rmUrl, nodeSource                 what to join
#   nodesPerMachine                   so many tasks run here side by side
#   credentials                       what a node logs in with, as proactive-create-cred has made it
#   javaOptions                       lines of options for java; the machine's own token is among them
#   instance, pool, offer, site       who it is, in Spillway's words
set -eu
umask 022
exec >>/var/log/spillway-boot.log 2>&1
echo "boot of {{instance}} begins"

home=${PROACTIVE_HOME:-/opt/proactive}
if ! test -x "$home/bin/proactive-node"; then
  echo "there is no $home/bin/proactive-node in this image: install ProActive's node in it" >&2
  exit 1
fi

# Secrets by way of files that their owner alone can read: arguments are seen by every process.
id proactive >/dev/null 2>&1 || useradd --system --create-home --home-dir /var/lib/proactive proactive
mkdir -p /etc/proactive
chown proactive /etc/proactive
chmod 700 /etc/proactive
(
  umask 077
  cat >/etc/proactive/node.cred <<'END_OF_CREDENTIALS'
{{credentials}}
END_OF_CREDENTIALS
  cat >/etc/proactive/java.options <<'END_OF_OPTIONS'
{{javaOptions}}
END_OF_OPTIONS
)
chown proactive /etc/proactive/node.cred /etc/proactive/java.options
if ! grep -q . /etc/proactive/node.cred; then
  echo "no credentials: the node is not started" >&2
  exit 1
fi

cat >/etc/proactive/start-node <<'END_OF_START'
#!/bin/sh
# java reads the file itself (since version 9), so that its options are in no argument list.
JDK_JAVA_OPTIONS=@/etc/proactive/java.options
export JDK_JAVA_OPTIONS
exec "$1/bin/proactive-node" -r '{{rmUrl}}' -f /etc/proactive/node.cred -s '{{nodeSource}}' -n '{{instance}}' -w '{{nodesPerMachine}}'
END_OF_START
chmod 755 /etc/proactive/start-node

# Begun again when it ends: its node source may be made a moment later than the machine.
if command -v systemctl >/dev/null; then
  cat >/etc/systemd/system/spillway-node.service <<END_OF_UNIT
[Unit]
Description=ProActive node for Spillway
After=network-online.target
Wants=network-online.target

[Service]
User=proactive
ExecStart=/etc/proactive/start-node $home
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
END_OF_UNIT
  systemctl daemon-reload
  systemctl enable --now --no-block spillway-node.service
else
  su -s /bin/sh proactive -c "while :; do /etc/proactive/start-node '$home'; sleep 5; done" &
fi
echo "boot of {{instance}} ends"
