import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waiting } from '../../../src/queues/htcondor/schedd.ts';

const quote = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** As HTCondor's tools refuse an option that they do not know. */
const unknown = `echo "Error: unrecognized argument $1" >&2; exit 1`;

/** Ads on standard input, cut down to the attributes that were asked for; all of them where none was. */
const project = `project() {
  [ -n "$attributes" ] || { cat "$@"; return; }
  awk -v asked="$attributes" '
    BEGIN { n = split(tolower(asked), names, ","); for (i = 1; i <= n; i++) want[names[i]] = 1 }
    /^$/ { print; next }
    { if (tolower(substr($0, 1, index($0, " = ") - 1)) in want) print }' "$@"
}`;

const condorQ = (data: string) => `
name=schedd@pool mode=all constraint= attributes= id=
while [ $# -gt 0 ]; do
  case $1 in
  -allusers | -json) ;;
  -long) [ $mode = all ] && mode=long ;;
  -totals | -autocluster) mode=\${1#-} ;;
  -name) name=$2; shift ;;
  -constraint) constraint=$2; shift ;;
  -attributes) attributes=$2; shift ;;
  [0-9]*.[0-9]*) id=$1 ;;
  *) ${unknown} ;;
  esac
  shift
done
queue=${data}/schedds/$name
[ -d "$queue" ] || { echo 'Error: Collector has no record of schedd/submitter' >&2; exit 1; }
if [ -n "$id" ]; then
  awk -v cluster="ClusterId = \${id%.*}" -v proc="ProcId = \${id#*.}" '
    { text = text $0 "\\n"; if ($0 == cluster) hits++; if ($0 == proc) hits++ }
    /^$/ { if (hits == 2) printf "%s", text; text = ""; hits = 0 }' "$queue/all"
  exit
fi
# Constraints are not evaluated here: of the only one there is, the pool keeps the answer.
case $mode$constraint in
autocluster) cat "$queue/autoclusters" ;;
totals${quote(waiting)}) cat "$queue/totals" ;;
long${quote(waiting)}) project "$queue/waiting" ;;
*) echo "-- Parse error in constraint expression \\"$constraint\\"" >&2; exit 1 ;;
esac
`;

const condorStatus = (data: string) => `
mode=slots constraint= attributes= field=
while [ $# -gt 0 ]; do
  case $1 in
  -long) ;;
  -collector) mode=collector ;;
  -constraint) constraint=$2; shift ;;
  -attributes) attributes=$2; shift ;;
  -af) field=$2; shift ;;
  *) ${unknown} ;;
  esac
  shift
done
case $mode,$field in
collector,Name) cat ${data}/collector ;;
slots,) project ${data}/slots ;;
slots,Name)
  # Name == "startd", or one that ends so.
  startd=\${constraint#*\\"}; startd=\${startd%%\\"*}
  sed -n 's/^Name = "\\(.*\\)"$/\\1/p' ${data}/slots |
    while read -r slot; do
      case $slot in "$startd" | *@"$startd") echo "$slot" ;; esac
    done ;;
*) exit 1 ;;
esac
`;

const condorDrain = (data: string) => `
for machine in "$@"; do :; done
case $1 in -cancel | -graceful) ;; *) ${unknown} ;; esac
if ! grep -Fxq -e "$machine" ${data}/startds; then
  echo "ERROR: Can't find address for startd $machine" >&2
  exit 1
fi
if [ "$1" = -cancel ]; then
  grep -Fxv -e "$machine" ${data}/draining >${data}/draining.new
  mv ${data}/draining.new ${data}/draining
elif grep -Fxq -e "$machine" ${data}/draining; then
  echo "Attempt to send DRAIN_JOBS to startd failed" >&2
  echo 'Received failure in response to DRAIN_JOBS request: error code 10001: Draining already in progress.' >&2
  exit 1
else
  printf '%s\\n' "$machine" >>${data}/draining
fi
`;

const condorAdvertise = (data: string) => `
[ "$1 $2" = 'INVALIDATE_STARTD_ADS -' ] || exit 1
grep '^Requirements = ' >>${data}/invalidated
`;

/** What takes the place of HTCondor's programs: they answer from files that the pool writes, and write what they are told. */
export function writeStandInTools(bin: string, dataFolder: string): readonly string[] {
  const data = quote(dataFolder);
  const tools: Readonly<Record<string, string>> = {
    condor_q: condorQ(data),
    condor_status: condorStatus(data),
    condor_drain: condorDrain(data),
    condor_advertise: condorAdvertise(data),
  };
  for (const [tool, text] of Object.entries(tools)) {
    writeFileSync(join(bin, tool), `#!/bin/sh\n${project}\n${text}`);
    chmodSync(join(bin, tool), 0o755);
  }
  return Object.keys(tools);
}
