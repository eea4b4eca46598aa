const REFRESH_TOKEN = /pawl_r\d_[\w-]{40,}/g
const ACCESS_TOKEN = /eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/g

/** The tokens in a text, wherever they stand: in a header, a cookie, a body or a URL. */
export interface Tokens {
  readonly accessToken: string | undefined
  readonly refreshToken: string | undefined
}

/** The last token of each kind. */
export function tokensIn(text: string): Tokens {
  return {
    accessToken: text.match(ACCESS_TOKEN)?.at(-1),
    refreshToken: text.match(REFRESH_TOKEN)?.at(-1),
  }
}

export function hasToken({ accessToken, refreshToken }: Tokens): boolean {
  return accessToken !== undefined || refreshToken !== undefined
}
