import { expect, it } from 'vitest'
import { requireSession } from '../../src/adapters/express/index.ts'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { nodeSessions } from '../../src/adapters/node/index.ts'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'

// A misspelled requirement must not leave a route unguarded.
it.each<[string, object]>([
  ['maxAuthAge', { maxAuthAge: '5m' }],
  ['maxAuthAge', { maxAuthAge: Number.NaN }],
  ['maxAuthAge', { maxAuthAge: -1 }],
  ['maxAuthage', { maxAuthage: 300 }],
  ['optional', { optional: 'yes' }],
  ['lookup', { lookup: 1 }],
  ['device', { device: 'yes' }],
  ['proof', { proof: 'yes' }],
])('every adapter throws on the wrong requirement %s', async (option, require) => {
  const wrong = coded('ERR_INVALID_OPTIONS', { option })
  const sessions = await openSessions()
  expect(() => requireSession(require)).toThrow(wrong)
  expect(() => nodeSessions(sessions)(() => {}, require)).toThrow(wrong)
  const serve = fetchSessions(sessions)
  await expect(serve(new Request('https://a.example/'), () => new Response(), require)).rejects.toEqual(wrong)
})
