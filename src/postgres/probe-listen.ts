import type { ListenFailure } from '../core/store.ts'
import type { ListenClient } from './driver.ts'
import { createListener } from './listen.ts'
import type { Names } from './names.ts'
import { createNotify } from './notify.ts'

/** Milliseconds, as for the pings of a process. */
const PING_TIMEOUT = 1000

/** Opens a LISTEN connection and sends it one message. @returns why the message did not arrive, `null` if it did */
export async function probeListen(
  openClient: () => Promise<ListenClient>,
  names: Names,
  schema: string,
  run: (name: 'notify', values: [string, string]) => Promise<unknown>,
): Promise<ListenFailure | null> {
  let tried: () => void = () => {}
  const attempt = new Promise<void>((resolve) => {
    tried = resolve
  })
  const listener = createListener(openClient, { quoted: names.schema, name: schema }, createNotify(run), {
    onChange() {},
    onForeign() {},
    onConnected: tried,
    onFailed: tried,
  })
  try {
    await attempt
    if (await listener.ping(PING_TIMEOUT)) return null
    return listener.failure ?? { kind: 'timeout', error: new Error('No message arrived.') }
  } finally {
    await listener.close()
  }
}
