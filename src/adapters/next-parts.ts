import type { Sessions } from '../core/api.ts'
import { isSessionsError } from '../core/errors.ts'
import type { Reply } from '../http/exchange.ts'
import type { SessionsOverHttp } from '../http/http.ts'
import type { ResolvedHttpOptions } from '../http/options.ts'
import { problemOf, problemReply } from '../http/problem.ts'
import type { ClientAddress } from './next-exchange.ts'

export interface Started<Claims extends object, Data> {
  readonly sessions: Sessions<Claims, Data>
  readonly http: SessionsOverHttp<Claims, Data>
}

/** What routes, actions and the proxy of one application share. */
export interface Parts<Claims extends object, Data> {
  readonly options: ResolvedHttpOptions
  readonly ip: ClientAddress | undefined
  readonly started: () => Promise<Started<Claims, Data>>
}

/** @returns an answer where there are no sessions yet, as the database cannot be reached say */
export async function start<Claims extends object, Data>({
  started,
}: Parts<Claims, Data>): Promise<Started<Claims, Data> | { readonly reply: Reply }> {
  try {
    return await started()
  } catch (error) {
    const problem = isSessionsError(error) ? problemOf(error) : null
    if (problem === null) throw error
    return { reply: problemReply(problem, false) }
  }
}
