import { type Bytes, bytes } from '../quantities.ts';

const powers = ['', 'k', 'm', 'g', 't', 'p'];

/**
 * A number of bytes: `1048576`, `64MB` (decimal), `1GiB` (binary), `1.5 gb`, `64M`. As in Litestream, `MB` and `M` are
 * powers of 1000, `MiB` and `Mi` powers of 1024. Undefined where the text is none.
 */
export function parseSize(text: string): Bytes | undefined {
  const match = /^([0-9]+(?:\.[0-9]*)?) *([kmgtp]?)(i?)b?$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, number, prefix = '', binary = ''] = match;
  if (binary !== '' && prefix === '') return undefined;
  const size = Math.floor(Number(number) * (binary === '' ? 1000 : 1024) ** powers.indexOf(prefix.toLowerCase()));
  return Number.isSafeInteger(size) ? bytes(size) : undefined;
}

/** `64MiB`, `5MB`, `1000B`: the largest unit that divides it, binary before decimal. */
export function formatSize(size: Bytes): string {
  for (const [base, suffix] of [
    [1024, 'iB'],
    [1000, 'B'],
  ] as const) {
    for (let power = powers.length - 1; power > 0; power--) {
      const count = size / base ** power;
      if (size > 0 && Number.isInteger(count)) return `${count}${powers[power]?.toUpperCase()}${suffix}`;
    }
  }
  return `${size}B`;
}
