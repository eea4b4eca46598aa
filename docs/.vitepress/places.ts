/** Where the sites of all releases are: the newest one here, the others in folders (`scripts/publish-docs.js`). */
export const ROOT = '/pawl/'
