import { describe, expect } from 'vitest'
import { browserTest, engineName, openContext } from './support/browser-test.ts'
import type { CookiePolicy } from './support/engine.ts'
import type { EngineName } from './support/engine-names.ts'
import { API, APP, OTHER_SITE } from './support/hosts.ts'
import { openSite } from './support/site.ts'
import { openTab } from './support/tab.ts'

/** The attributes of a session's cookies, by what the docs call them. */
const COOKIES = {
  lax: {},
  none: { sameSite: 'none' },
  'none and partitioned': { sameSite: 'none', partitioned: true },
} as const
type Attributes = keyof typeof COOKIES

/** Which cookies of an API on another site a browser keeps, by the policy that its user has chosen. */
const KEPT: Readonly<
  Record<EngineName, readonly (readonly [CookiePolicy | undefined, readonly Attributes[]])[]>
> = {
  chromium: [
    ['all', ['none', 'none and partitioned']],
    ['no third party', ['none and partitioned']],
  ],
  firefox: [
    [undefined, ['none', 'none and partitioned']],
    ['no third party', []],
  ],
  webkit: [[undefined, []]],
}

describe.each(KEPT[engineName])(
  'an API on another site, in a browser that keeps cookies (%s)',
  (policy, kept) => {
    browserTest.for(Object.keys(COOKIES) as Attributes[])(
      'has a session or reports why not (%s)',
      async (attributes) => {
        const site = await openSite({
          hosts: [APP, API, OTHER_SITE],
          http: (at) => ({ trustedOrigins: [at(APP)], cors: true, cookies: COOKIES[attributes] }),
        })
        const context = await openContext(policy === undefined ? {} : { cookies: policy })
        const tab = await openTab(context, site, { baseUrl: site.at(OTHER_SITE) })
        const works = kept.includes(attributes)
        const answer = works ? { status: 200, id: 'anna' } : { status: 401, code: 'not_signed_in' }
        expect(await tab.login()).toBe(works)
        expect(await tab.ask()).toMatchObject(answer)
        site.expire()
        expect(await tab.ask()).toMatchObject(answer)
        expect(site.refreshes()).toBe(works ? 1 : 0)
        expect(await tab.problems()).toStrictEqual(works ? [] : ['cookies-blocked'])
        await tab.signOut()
        await tab.shows(null)
        expect(await tab.ask()).toMatchObject({ status: 401, code: 'not_signed_in' })
        expect(site.ended.map(({ reason }) => reason)).toStrictEqual(works ? ['logout'] : [])
      },
    )
  },
)
