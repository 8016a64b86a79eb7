/** The published package has no types of its own. Both functions return 0 on success, -1 when an argument is out of range. */
declare module 'bcrypt-pbkdf' {
  export function pbkdf(
    password: Uint8Array,
    passwordLength: number,
    salt: Uint8Array,
    saltLength: number,
    key: Uint8Array,
    keyLength: number,
    rounds: number,
  ): number;
  export function hash(sha2Password: Uint8Array, sha2Salt: Uint8Array, out: Uint8Array): number;
}
