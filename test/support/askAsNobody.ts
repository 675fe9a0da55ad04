import { get } from 'node:http';

/**
 * node askAsNobody.ts SOCKET PATH: asks as a user without rights, and prints the status of the answer or the code of the
 * error. It is root's until all is read, and reads nothing after that: the checkout may be where nobody else gets in.
 */
const nobody = 65_534;
const [, , socketPath = '', path = '/'] = process.argv;
process.setgroups?.([]);
process.setegid?.(nobody);
process.seteuid?.(nobody);
const asked = get({ socketPath, path, agent: false }, (answer) => {
  answer.resume();
  answer.once('end', () => process.stdout.write(String(answer.statusCode)));
});
asked.once('error', (error) => {
  process.stdout.write('code' in error ? String(error.code) : String(error));
});
