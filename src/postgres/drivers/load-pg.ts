import type pg from 'pg'

/** The package `pg`, an optional peer. The error of a missing package is handled, so that bundlers accept that it is missing. */
export async function loadPg(): Promise<typeof pg> {
  const { default: loaded } = await import('pg').catch((error: unknown) => Promise.reject(error))
  return loaded
}
