import { type Txid, txid } from '../quantities.ts';

const FILE_NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.ltx$/;
const TXID = /^[0-9a-f]{16}$/;

/** The TXIDs a file's name promises. Its header decides what is in it. */
export interface TxidRange {
  readonly minTxid: Txid;
  readonly maxTxid: Txid;
}

/** 16 lowercase hexadecimal digits. */
export function formatTxid(value: Txid): string {
  return value.toString(16).padStart(16, '0');
}

/** Undefined unless it is 16 lowercase hexadecimal digits within the safe integers. */
export function parseTxid(text: string): Txid | undefined {
  if (!TXID.test(text)) return undefined;
  const value = Number.parseInt(text, 16);
  return Number.isSafeInteger(value) ? txid(value) : undefined;
}

/** `<min>-<max>.ltx` */
export function formatFileName(minTxid: Txid, maxTxid: Txid): string {
  return `${formatTxid(minTxid)}-${formatTxid(maxTxid)}.ltx`;
}

/** Undefined for any other name: Litestream passes those over, uppercase digits included. */
export function parseFileName(name: string): TxidRange | undefined {
  const match = FILE_NAME.exec(name);
  const minTxid = parseTxid(match?.[1] ?? '');
  const maxTxid = parseTxid(match?.[2] ?? '');
  return minTxid === undefined || maxTxid === undefined ? undefined : { minTxid, maxTxid };
}
