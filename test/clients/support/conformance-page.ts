/** The script of a page that the kit plays scenarios against, with `pawl/client` in cookie mode. */
import { drive } from './drive.ts'
import { driven } from './pawl-client.ts'

const api = new URLSearchParams(location.search).get('api')!

drive(api, () => driven({ baseUrl: api }, () => null)).then(
  () => document.body.append('done'),
  (error: unknown) => document.body.append(String(error)),
)
