import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect } from 'vitest'
import { waitingClient } from '../../src/cli/commands/conformance/by-hand.ts'
import { run } from '../../src/cli/commands/conformance/run.ts'
import { appliesTo } from '../../src/cli/commands/conformance/scenario.ts'
import { SCENARIOS } from '../../src/cli/commands/conformance/scenarios/index.ts'
import { browserTest, openContext } from '../browser/support/browser-test.ts'
import { listen } from '../support/http-server.ts'

browserTest('the conformance kit passes pawl/client in a page of another origin', async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('support/conformance-page.ts', import.meta.url))],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  })
  const html = `<!doctype html><body><script>${outputFiles[0]!.text}</script>`
  const port = await listen((_req, res) => void res.setHeader('content-type', 'text/html').end(html))
  const page = await (await openContext()).newPage()
  const scenarios = SCENARIOS.filter((scenario) => appliesTo(scenario, 'cookie'))
  const results = await run({
    scenarios,
    protocol: 'cookie',
    client: waitingClient(
      (api) => void page.goto(`http://127.0.0.1:${port}/?${new URLSearchParams({ api })}`),
    ),
    interrupted: new AbortController().signal,
    onResult() {},
  })
  const failures = results.filter(({ findings }) => findings.length > 0)
  expect(failures.map(({ scenario, findings }) => ({ [scenario.name]: findings }))).toStrictEqual([])
  expect(results).toHaveLength(scenarios.length)
})
