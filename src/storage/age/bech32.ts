const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/**
 * The parts of a Bech32 text (BIP 173, of any length): what stands before its last `1`, and how many bytes follow.
 * Undefined where it is none, or its checksum is wrong. For checking keys at once when the config is read; the library
 * that uses them is loaded later, and only where there are any.
 */
export function parseBech32(text: string): { readonly prefix: string; readonly size: number } | undefined {
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return undefined;
  const split = lower.lastIndexOf('1');
  const prefix = lower.slice(0, split);
  const values = [...lower.slice(split + 1)].map((character) => alphabet.indexOf(character));
  if (split < 1 || values.length < 6 || values.includes(-1) || !/^[!-~]+$/.test(prefix)) return undefined;
  const codes = [...prefix].map((character) => character.charCodeAt(0));
  if (checksum([...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...values]) !== 1) {
    return undefined;
  }
  return { prefix, size: Math.floor(((values.length - 6) * 5) / 8) };
}

function checksum(values: readonly number[]): number {
  let state = 1;
  for (const value of values) {
    const top = state >>> 25;
    state = ((state & 0x1ffffff) << 5) ^ value;
    for (const [bit, term] of generator.entries()) if ((top >>> bit) & 1) state ^= term;
  }
  return state >>> 0;
}
