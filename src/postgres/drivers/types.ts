// Every query carries its own parsers, because an application may have changed `pg.types` globally.

const BOOL = 16
const BYTEA = 17
const INT8 = 20
const INT4 = 23
const JSON_TEXT = 114
const JSONB = 3802

type Parser = (text: string) => unknown

const PARSERS: Readonly<Record<number, Parser>> = {
  [BOOL]: (text) => text === 't',
  [BYTEA]: parseBytea,
  [INT8]: Number,
  [INT4]: Number,
  [JSON_TEXT]: (text) => JSON.parse(text),
  [JSONB]: (text) => JSON.parse(text),
}

export const types: { getTypeParser(oid: number, format?: string): Parser } = {
  getTypeParser: (oid) => PARSERS[oid] ?? String,
}

/** Hex (`\x…`), or the old escape format for a role or database with `bytea_output = 'escape'`. */
function parseBytea(text: string): Buffer {
  if (text.startsWith('\\x')) return Buffer.from(text.slice(2), 'hex')
  const raw = text.replace(/\\(\\|[0-7]{3})/g, (_, code: string) =>
    code === '\\' ? code : String.fromCharCode(Number.parseInt(code, 8)),
  )
  return Buffer.from(raw, 'latin1')
}
