import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** Addresses by name; tests change them while the server runs. */
export type Names = Map<string, readonly string[]>;

/** Answers IPv4 queries over UDP, like Docker's DNS for a service's replicas. Returns its port. */
export async function startNameServer(
  t: { teardown(end: () => Promise<void>): void },
  names: Names,
  { host = '127.0.0.1', port = 0 } = {},
): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => socket.send(answer(question, names), from.port, from.address));
  socket.bind(port, host);
  await once(socket, 'listening');
  t.teardown(async () => void socket.close());
  return socket.address().port;
}

const headerBytes = 12;
const typeA = 1;
const nameError = 3;

/** RFC 1035, section 4: the question is repeated, and each answer points back to its name. */
function answer(question: Buffer, names: Names): Buffer {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const end = at + 5; // the empty label, type and class
  const known = names.get(labels.join('.').toLowerCase());
  const addresses = question.readUInt16BE(at + 1) === typeA ? (known ?? []) : [];

  const header = Buffer.alloc(headerBytes);
  question.copy(header, 0, 0, 2); // its id
  header.writeUInt16BE(0x8580 | (known === undefined ? nameError : 0), 2); // an answer, with authority
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([header, question.subarray(headerBytes, end), ...records]);
}
