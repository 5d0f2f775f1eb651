/**
 * Tells public internet addresses from those of this machine and its networks, so that a download can't be led there.
 * Beside download in the flow.
 * @module
 */

/** IPv4 blocks that aren't public; https://www.iana.org/assignments/iana-ipv4-special-registry */
const IPV4_BLOCKS: readonly (readonly [start: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

/** IPv6 blocks that carry an IPv4 address, and at which 16-bit group; RFC 4291, 6052, 3056. */
const IPV4_CARRIERS: readonly (readonly [prefix: number[], group: number])[] = [
  [[0, 0, 0, 0, 0, 0], 6],
  [[0, 0, 0, 0, 0, 0xffff], 6],
  [[0x64, 0xff9b, 0, 0, 0, 0], 6],
  [[0x2002], 1],
];

/** An IPv4 address as a whole number, or undefined. */
function ipv4(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p))) {
    return undefined;
  }
  return parts.reduce((n, p) => n * 256 + Number(p), 0);
}

/** The eight groups of an IPv6 address, or undefined. */
function ipv6(text: string): number[] | undefined {
  if (!text.includes(":")) return undefined;
  const [address = ""] = text.split("%");
  const tail = address.slice(address.lastIndexOf(":") + 1);
  const embedded = ipv4(tail);
  const plain = embedded === undefined ? address : address.slice(
    0,
    address.length - tail.length,
  ) + `${(embedded >>> 16).toString(16)}:${(embedded & 0xffff).toString(16)}`;
  const groups = (part: string | undefined) =>
    part ? part.split(":").map((g) => parseInt(g, 16)) : [];
  const [left, right] = plain.split("::");
  const head = groups(left);
  if (right === undefined) return head.length === 8 ? head : undefined;
  const end = groups(right);
  const gap = 8 - head.length - end.length;
  return gap < 0 ? undefined : [...head, ...Array<number>(gap).fill(0), ...end];
}

function isPrivateIpv4(address: number): boolean {
  return IPV4_BLOCKS.some(([start, bits]) => {
    const size = 2 ** (32 - bits);
    return Math.floor(address / size) === Math.floor(ipv4(start)! / size);
  });
}

/**
 * Whether a host is this machine or in a network that isn't public: an IP address of a reserved block, or a name that
 * is local by definition (RFC 6761, 6762, 8375).
 *
 * @param host A host as `URL.hostname` gives it, or an address from a resolver.
 */
export function isPrivateHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (/(^|\.)(localhost|local|internal|home\.arpa)$/.test(name)) return true;
  const v4 = ipv4(name);
  if (v4 !== undefined) return isPrivateIpv4(v4);
  const v6 = ipv6(name);
  if (v6 === undefined) return false;
  for (const [prefix, group] of IPV4_CARRIERS) {
    if (prefix.every((g, i) => v6[i] === g)) {
      return isPrivateIpv4(v6[group]! * 65_536 + v6[group + 1]!);
    }
  }
  // All public IPv6 addresses lie in 2000::/3; 2001:db8::/32 and 2001::/23 in it are reserved.
  return v6[0]! >> 13 !== 1 || (v6[0] === 0x2001 && v6[1] === 0xdb8) ||
    (v6[0] === 0x2001 && v6[1]! < 0x200);
}
