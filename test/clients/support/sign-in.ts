import { expect } from 'vitest'
import type { Client } from './client.ts'
import type { Device, Kind } from './devices.ts'
import { type ClientSite, type ClientSiteOptions, openClientSite } from './site.ts'

export interface SignedIn {
  readonly site: ClientSite
  readonly device: Device
  readonly client: Client
}

/** A device of a kind on which anna has signed in. Its events and requests so far are forgotten. */
export async function signIn(kind: Kind, options?: ClientSiteOptions): Promise<SignedIn> {
  const site = await openClientSite(options)
  const device = await kind.open(site)
  const client = await device.start()
  expect((await client.login()).status).toBe(200)
  await client.events()
  site.network.log.splice(0)
  return { site, device, client }
}

/** The requests since the last call, with the statuses of their answers. Without preflights. */
export function requests({ network }: ClientSite): string[] {
  return network.log
    .splice(0)
    .filter(({ request }) => !request.startsWith('OPTIONS '))
    .map(({ request, status }) => `${request} ${status}`)
}
