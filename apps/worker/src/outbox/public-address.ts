import { Resolver } from 'node:dns/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { SemelError } from '@semel/core';

/** Ranges that are not public: https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry. */
const special = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  special.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16], // 6to4: it wraps any IPv4 address
  ['3fff::', 20],
] as const)
  special.addSubnet(network, prefix, 'ipv6');

/** The public part of IPv6. Mapped, translated, local and multicast addresses are outside of it. */
const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !special.check(address, 'ipv4');
  return family === 6 && global6.check(address, 'ipv6') && !special.check(address, 'ipv6');
}

const refusal = (host: string) =>
  new SemelError('destination_refused', `${host} is not, or not only, a public address`);

/** Throws if the URL has a literal address that is not public. Host names are checked when they are resolved. */
export function assertPublicHost(url: URL): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const isLocal = isIP(host) === 0 ? /(^|\.)localhost\.?$/i.test(host) : !isPublicAddress(host);
  if (isLocal) throw refusal(host);
}

/** Milliseconds for one query to a name server, and how often it is sent. */
export const dnsLimits = { timeout: 2_000, tries: 2 };

/** Not `dns.lookup`: it occupies one of the process's four threads while a name server does not answer. */
const resolver = new Resolver(dnsLimits);

/**
 * Resolves a name for a connection, and refuses it if any of its addresses is not public. The connection uses the addresses that
 * were checked here, so a name that resolves differently later (DNS rebinding) gains nothing. The hosts file is not read.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, Number(options.family ?? 0))
    .then((addresses) => {
      if (!addresses.every(isPublicAddress)) throw refusal(hostname);
      const found = addresses.map((address) => ({ address, family: isIP(address) }));
      const [first] = found as [(typeof found)[0]];
      if (options.all) callback(null, found as unknown as string, 0);
      else callback(null, first.address, first.family);
    })
    .catch((error: NodeJS.ErrnoException) => callback(error, [] as unknown as string, 0));
};

/** Returns at least one address, IPv4 first. Throws the resolver's error if it found none. */
async function resolve(hostname: string, family: number): Promise<string[]> {
  const [four, six] = await Promise.allSettled([
    family === 6 ? [] : resolver.resolve4(hostname),
    family === 4 ? [] : resolver.resolve6(hostname),
  ]);
  const addresses = [four, six].flatMap((found) => (found.status === 'fulfilled' ? found.value : []));
  const failed = [four, six].find((found) => found.status === 'rejected');
  if (addresses.length === 0) throw failed?.reason ?? refusal(hostname);
  return addresses;
}
