import type { Driver, Row } from '../driver.ts'
import { toText } from './text-parameters.ts'
import { types } from './types.ts'

/** The part of what `neon(url)` returns that Pawl uses. */
export interface NeonHttp {
  query(
    text: string,
    values: unknown[],
    options: {
      readonly types: typeof types
      readonly arrayMode: false
      readonly fullResults: false
      readonly fetchOptions: { readonly signal?: AbortSignal }
    },
  ): Promise<unknown>
}

/** Neon over HTTP: one request for each statement, so it has neither LISTEN nor transactions of several steps. */
export function neonHttpDriver(sql: NeonHttp): Driver {
  return {
    async query({ text, values, within }) {
      const fetchOptions = within === undefined ? {} : { signal: AbortSignal.timeout(within) }
      const options = { types, arrayMode: false, fullResults: false, fetchOptions } as const
      return (await sql.query(text, values.map(toText), options)) as Row[]
    },
    transaction: null,
    using() {
      throw new TypeError(
        "Neon's HTTP function has no transactions for `using`. Give Pawl the Pool of @neondatabase/serverless as `pool`, and pass its client.",
      )
    },
    openListenClient: null,
    close: async () => {},
  }
}
