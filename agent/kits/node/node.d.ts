/** What verify.js uses of Node.js, for its own type check; not shipped: consumers have @types/node. */

interface Buffer extends Uint8Array {
  subarray(start?: number, end?: number): Buffer;
  toString(encoding?: string): string;
  equals(other: Uint8Array): boolean;
  readUInt16BE(at: number): number;
  readUIntBE(at: number, length: number): number;
}

declare const Buffer: {
  from(octets: Uint8Array | string): Buffer;
  of(...octets: number[]): Buffer;
  concat(parts: Uint8Array[]): Buffer;
  compare(one: Uint8Array, other: Uint8Array): number;
};

declare module "node:crypto" {
  export interface KeyObject {
    asymmetricKeyDetails?: { modulusLength?: number; publicExponent?: bigint };
  }
  interface Hash {
    update(octets: Uint8Array | string): Hash;
    digest(): Buffer;
  }
  export function createHash(name: string): Hash;
  export function createHmac(name: string, key: Uint8Array): Hash;
  export function createPublicKey(key: { key: Buffer; format: "der"; type: "spki" }): KeyObject;
  export function timingSafeEqual(one: Uint8Array, other: Uint8Array): boolean;
  export function verify(hash: string, octets: Uint8Array, key: KeyObject, signature: Uint8Array): boolean;
}
