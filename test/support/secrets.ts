import { createHash } from 'node:crypto'

const secret = (name: string): string => createHash('sha256').update(name).digest('base64url')

/** Fixed, so that no run depends on luck; as good as random to the code that checks them. */
export const SECRET: string = secret('the secret of the tests')
export const NEW_SECRET: string = secret('the secret they change to')
export const FOREIGN_SECRET: string = secret('the secret of another installation')
