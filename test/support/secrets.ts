import { createHash } from 'node:crypto'

const secret = (name: string): string => createHash('sha256').update(name).digest('base64url')

/** The secrets are fixed, so that every run is the same. They pass the checks for random secrets. */
export const SECRET: string = secret('the secret of the tests')
export const NEW_SECRET: string = secret('the secret they change to')
export const FOREIGN_SECRET: string = secret('the secret of another installation')
