// Records docs/images/theft.webp: the owner's and the thief's page of the demo, side by side, until Pawl detects the theft.
// The last picture alone is docs/images/theft-still.webp, for readers who prefer reduced motion.
// Needs Chromium, and `img2webp` of the Debian package `webp`.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { createDemo } from '../demo/app.ts'
import { LIFETIMES } from '../demo/lifetimes.ts'
import { createSessions } from '../src/index.ts'
import { memory } from '../src/memory/index.ts'

const CLIP = fileURLToPath(new URL('../docs/images/theft.webp', import.meta.url))
const STILL = fileURLToPath(new URL('../docs/images/theft-still.webp', import.meta.url))
/** Of `img2webp`, for each picture. */
const QUALITY = ['-lossy', '-q', '70', '-m', '6']
const PROGRAM = process.env['PAWL_CHROMIUM'] ?? '/usr/bin/chromium'
/** Of one page, in CSS pixels. The clip shows both pages at this scale. */
const PAGE = { width: 860, height: 700 }
const SCALE = 0.7
/** Milliseconds between two pictures, and how long the clip shows one: it runs at twice the speed. */
const EVERY = 500
const SHOWN = 250
/** Milliseconds for which the clip shows the first picture of a scene, and the last picture of the clip. */
const SCENE = 2200
const END = 5000
/** The demo detects the theft within a minute. Milliseconds. */
const DEADLINE = 60_000

const SCENES = {
  signedIn: 'Ada is signed in. Her refresh token rotates every few seconds.',
  stolen: 'A thief copies the refresh token from her cookies …',
  both: '… and uses it. For a moment, both hold valid tokens.',
  caught: 'An old refresh token was used again. Pawl ends the session for both.',
}

const sessions = await createSessions({
  store: memory(),
  secret: randomBytes(32),
  logger: { debug() {}, info() {}, warn() {}, error() {} },
  ...LIFETIMES,
})
const demo = createDemo(sessions)
const server = createServer(demo.app).listen(0, '127.0.0.1')
await once(server, 'listening')
const browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox'] })
const folder = mkdtempSync(join(tmpdir(), 'pawl-clip-'))
try {
  const frames = await record(`http://127.0.0.1:${server.address().port}`)
  const parts = frames.flatMap(({ file, milliseconds }) => ['-d', String(milliseconds), file])
  execFileSync('img2webp', ['-loop', '0', ...QUALITY, ...parts, '-o', CLIP])
  execFileSync('img2webp', [...QUALITY, frames.at(-1).file, '-o', STILL])
  process.stdout.write(`${CLIP}: ${frames.length} pictures, ${statSync(CLIP).size} bytes\n`)
} finally {
  await browser.close()
  demo.close()
  server.close()
  server.closeAllConnections()
  await sessions.close()
  rmSync(folder, { recursive: true, force: true })
}

/** @param {string} origin */
async function record(origin) {
  const context = await browser.newContext({ viewport: PAGE })
  const width = Math.round(2 * PAGE.width * SCALE) + 36
  const stage = await browser.newPage({ viewport: { width, height: Math.round(PAGE.height * SCALE) + 96 } })
  const frames = []
  let last = ''

  /** @param {string} scene @param {import('playwright-core').Page[]} pages */
  async function take(scene, pages, milliseconds = SHOWN) {
    const pictures = []
    for (const page of pages) {
      // Chromium may draw no frame of a page behind another one.
      await page.bringToFront()
      pictures.push((await page.screenshot({ animations: 'disabled' })).toString('base64'))
    }
    const content = `${scene}${pictures.join()}`
    if (content === last) {
      frames.at(-1).milliseconds += milliseconds
      return
    }
    last = content
    await stage.setContent(compose(scene, pictures))
    const file = join(folder, `${frames.length}.png`)
    writeFileSync(file, await stage.screenshot())
    frames.push({ file, milliseconds })
  }

  const owner = await context.newPage()
  await owner.goto(origin)
  await owner.getByLabel('Your name').fill('Ada')
  await owner.getByLabel('Bind to this device').click()
  await owner.getByRole('button', { name: 'Sign in' }).click()
  await owner.getByText('Signed in as').waitFor()
  await owner.waitForFunction(() => document.readyState === 'complete')
  await take(SCENES.signedIn, [owner], SCENE)

  const opened = context.waitForEvent('page')
  await owner.getByRole('button', { name: 'Steal this session' }).click()
  const thief = await opened
  await thief.getByRole('button', { name: 'auto: both every 4 s' }).waitFor()
  await take(SCENES.stolen, [owner, thief], SCENE)
  await owner.evaluate(() => window.scrollTo(0, 0))
  await thief.getByRole('button', { name: 'auto: both every 4 s' }).click()

  const caught = thief.getByRole('heading', { name: 'CAUGHT.' })
  const signedOut = owner.getByRole('heading', { name: 'Caught: two parties used this session.' })
  const until = Date.now() + DEADLINE
  let isFirst = true
  while (!((await caught.isVisible()) && (await signedOut.isVisible()))) {
    if (Date.now() > until) throw new Error('The demo has not detected the theft.')
    await take(SCENES.both, [owner, thief], isFirst ? SCENE : SHOWN)
    isFirst = false
    await new Promise((resolve) => setTimeout(resolve, EVERY))
  }
  await owner.evaluate(() => window.scrollTo(0, 0))
  await thief.evaluate(() => window.scrollTo(0, 0))
  await take(SCENES.caught, [owner, thief], END)
  return frames
}

/** @param {string} scene @param {string[]} pictures of the owner and the thief, PNG in base64 */
function compose(scene, pictures) {
  const size = `width="${Math.round(PAGE.width * SCALE)}" height="${Math.round(PAGE.height * SCALE)}"`
  const names = ['Ada, the owner', 'The thief']
  const columns = names.map((name, index) => {
    const picture = pictures[index]
    const shown =
      picture === undefined
        ? `<div style="width:${Math.round(PAGE.width * SCALE)}px"></div>`
        : `<img ${size} src="data:image/png;base64,${picture}">`
    return `<figure><figcaption>${picture === undefined ? '' : name}</figcaption>${shown}</figure>`
  })
  return `<!doctype html><style>
    body { margin: 0; background: #10151c; color: #f2f5f9; font: 600 21px system-ui, sans-serif }
    p { margin: 12px; text-align: center }
    main { display: flex; gap: 12px; padding: 0 12px }
    figure { margin: 0 }
    figcaption { font-size: 13px; font-weight: 500; color: #9fb0c3; height: 20px }
    img { border-radius: 6px; display: block }
  </style><p>${scene}</p><main>${columns.join('')}</main>`
}
