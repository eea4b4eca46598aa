import { postgres } from 'pawl/postgres'
import { visitWith } from './fetch.js'

await visitWith({ store: postgres({ pglite: './data/sessions' }), rotation: { overlap: 60 } })
