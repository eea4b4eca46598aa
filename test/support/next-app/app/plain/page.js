// biome-ignore-all lint/style/noDefaultExport: Next asks for it

/** A page outside the matcher of the proxy. */
export { default, generateMetadata } from '../page/page.js'
