/** Where the modules of this folder connect to; the test sets it. */
export const database: { url: string } = { url: '' }
