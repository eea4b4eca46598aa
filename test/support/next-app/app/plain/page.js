// biome-ignore-all lint/style/noDefaultExport: Next asks for it

/** A page that the proxy is not asked about. */
export { default, generateMetadata } from '../page/page.js'
