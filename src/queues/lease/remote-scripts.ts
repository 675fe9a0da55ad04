import type { LeaseId } from '../../model/ids.ts';

/**
 * What is run on a machine by its admin account, through `sh -s`: any POSIX shell, with `pkill` and `find`. The values are
 * checked before (letters, digits and a few signs), and quoted all the same.
 */
interface Hold {
  readonly user: string;
  readonly lease: LeaseId;
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

const head = ({ user, lease }: Hold) => `set -eu
user=${quoted(user)}
lease=${quoted(lease)}
home=$(getent passwd "$user" | cut -d: -f6)
[ -n "$home" ] && [ "$home" != / ] || { echo "no account $user" >&2; exit 1; }
group=$(id -gn "$user")
keys=$home/.ssh/authorized_keys
`;

/** Lets the holder's key in; nothing of an earlier holder's. May be repeated. */
export function prepareScript(hold: Hold & { readonly publicKey: string }): string {
  return `${head(hold)}
install -d -m 700 -o "$user" -g "$group" "$home" "$home/.ssh"
line=${quoted(`no-agent-forwarding,no-X11-forwarding ${hold.publicKey} spillway-lease-${hold.lease}`)}
printf '%s\\n' "$line" > "$keys.new"
chown "$user:$group" "$keys.new"
chmod 600 "$keys.new"
mv "$keys.new" "$keys"
`;
}

/**
 * The account loses its keys first, then its processes (again and again, as one may start another while it is killed), its
 * jobs to come, and its files. Exit code 1: a process or a file would not go.
 */
export function cleanScript(hold: Hold): string {
  return `${head(hold)}
rm -f "$keys"
for try in 1 2 3 4 5 6 7 8 9 10; do
  pkill -KILL -u "$user" || break
  sleep 0.2
done
if pgrep -u "$user" >/dev/null; then echo "processes of $user do not end" >&2; exit 1; fi
command -v crontab >/dev/null && crontab -r -u "$user" 2>/dev/null || true
command -v atq >/dev/null && { atq -q a 2>/dev/null | awk -v u="$user" '$NF == u { print $1 }' | xargs -r atrm; } || true
command -v ipcs >/dev/null && {
  for kind in m q s; do
    ipcs -$kind | awk -v u="$user" '$3 == u { print $2 }' | while read -r id; do ipcrm -$kind "$id" || true; done
  done
} || true
[ ! -d "$home" ] || find "$home" -xdev -mindepth 1 -delete
for place in /tmp /var/tmp /dev/shm /run/lock; do
  [ ! -d "$place" ] || find "$place" -xdev -mindepth 1 -user "$user" -delete
done
`;
}
