/** The page of the application. */
export const APP = 'app.example.com'
/** The same server on another subdomain. */
export const API = 'api.example.com'
/** A subdomain of somebody else. */
export const BLOG = 'blog.example.com'
/** What `APP`, `API` and `BLOG` have in common. */
export const SITE = 'example.com'
/** Another site. */
export const OTHER_SITE = 'example.org'

/**
 * Every engine resolves these names to 127.0.0.1. They are below a public suffix, because WebKitGTK takes two subdomains
 * of `.test` or `.localhost` for two sites.
 */
export const HOSTS: readonly string[] = [APP, API, BLOG, OTHER_SITE]
