/** Checked by the compiler, never run. */
import { attachFetch, createSessionClient } from '../../src/client/index.ts'

export function unknownOptionsDoNotCompile(): void {
  createSessionClient({ baseUrl: 'https://api.example.com' })
  // @ts-expect-error it is `baseUrl`
  createSessionClient({ baseURL: 'https://api.example.com' })
  // @ts-expect-error it is `baseUrl`
  createSessionClient<{ name: string }>({ path: '/session', baseURL: 'https://api.example.com' })
  // @ts-expect-error no options
  attachFetch(createSessionClient(), { baseUrl: '/' })
}
