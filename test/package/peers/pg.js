import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { visitWith } from './fetch.js'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
await visitWith({ store: postgres({ pool }), rotation: { overlap: 60 } })
