import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'

/** The words before the versions of a peer in the README. */
const LABELS: Readonly<Record<string, string>> = {
  '@electric-sql/pglite': '`@electric-sql/pglite` (',
  '@nestjs/common': '| Nest, on Express or Fastify | ',
  '@nestjs/core': '| Nest, on Express or Fastify | ',
  '@opentelemetry/api': '`@opentelemetry/api` (',
  express: '| Express | ',
  fastify: '| Fastify | ',
  h3: '| h3 (Nitro 3) | ',
  hono: '| Hono | ',
  koa: '| Koa | ',
  next: '| Next (App Router) | ',
  pg: '`pg` (',
  react: '`react` (',
}
const { peerDependencies, devDependencies } = JSON.parse(await readFile('package.json', 'utf8'))
const README = await readFile('README.md', 'utf8')

it.each(Object.entries<string>(peerDependencies))(
  'the README names the tested versions of %s',
  (peer, range) => {
    const majors = range
      .split(' || ')
      .map((part) => Number(/^\^(\d+)\.\d+\.\d+(?:-[\w.]+)?$/.exec(part)?.[1]))
    // Without gaps, so that "from … to …" is the whole truth.
    expect(majors).toStrictEqual(majors.map((_, index) => majors[0]! + index))
    const lowest = range.split(' || ')[0]!.slice(1)
    expect(README).toContain(`${LABELS[peer]}${lowest} to ${majors.at(-1)}.x`)
    // The core suite runs the newest one.
    expect(devDependencies[peer].split('.')[0]).toBe(String(majors.at(-1)))
  },
)
