import type { CsrfRejectedError } from '../portable/errors.ts'
import { check } from '../portable/options/check.ts'
import type { OptionValue } from '../portable/options/option.ts'
import type { CookieWriter } from './cookies.ts'
import type { Exchange, Header, Reply } from './exchange.ts'
import type { ResolvedHttpOptions } from './options/resolve.ts'

/**
 * Another protocol that an application serves beside Pawl's own, for the clients of another library. It only translates: a
 * request becomes one of Pawl's cookie mode, and Pawl's answer becomes an answer of the protocol.
 */
export interface Protocol {
  /** The name of the protocol, for messages. */
  readonly name: string
  /** @internal Prepares the protocol for one application. @throws InvalidOptionsError */
  open(options: Omit<ResolvedHttpOptions, 'protocol'>): OpenProtocol
}

/** A protocol with the options of one application. */
export interface OpenProtocol {
  /** @returns null for a request that speaks Pawl's own protocol */
  converse(exchange: Exchange, own: OwnProtocol): Conversation | null
  /** What a request by Pawl's own protocol carries of this one. @param own the cookies of that request */
  beside(exchange: Exchange, own: CookieWriter): Beside | null
}

/**
 * The tokens of a browser that its request does not act with, because it speaks the other protocol. A login and a sign-out end
 * their sessions, too: they would go on to sign the browser in.
 */
export interface Beside {
  /** None of them has been checked. A few at most. */
  readonly accessTokens: readonly string[]
  /** The cookies that remove them. */
  clear(): readonly string[]
}

/** What a protocol needs of Pawl's own. */
export interface OwnProtocol {
  /** Writes the cookies that Pawl's own protocol would use in the exchange. */
  readonly cookies: CookieWriter
  /** Whether Pawl has issued an access token, however old. */
  isGenuine(accessToken: string): boolean
  /** The CSRF token of the session of an access token that Pawl has just issued; null if the option `csrf` asks for none. */
  csrfTokenOf(accessToken: string): string | null
}

/** One request and its response in another protocol. */
export interface Conversation {
  /**
   * The request as one of Pawl's cookie mode, with its tokens in the header `Cookie`. Cookies that Pawl sets on its response
   * reach the client in the form of the protocol.
   */
  readonly exchange: Exchange
  /** Writes new tokens of a session that the client has already. */
  readonly cookies: CookieWriter
  /** Writes the tokens of a login. */
  readonly loginCookies: CookieWriter
  /**
   * Whether the request has cookies or may get some. Browsers send those by themselves, so another site may have made the browser
   * send the request.
   */
  readonly usesCookies: boolean
  readonly beside: Beside | null
  /**
   * Whether the client refreshes by itself. One that does not, a browser that loads a page, is a visitor while its access token is
   * not valid.
   */
  readonly refreshes: boolean
  /**
   * Whether the client sends its access token along when it refreshes. Without it, nobody could tell as whom an administrator acts.
   */
  readonly showsAccessToken: boolean
  /** The headers by which a `Set-Cookie` of Pawl reaches the client. */
  readonly headersOf: (setCookie: string) => readonly Header[]
  /** Translates an answer of Pawl's own. @param rejection why Pawl refuses a request that may be forged */
  reply(reply: Reply, rejection?: CsrfRejectedError): Reply
}

/** The option `protocol`. */
export function protocol(): OptionValue {
  const takes = 'what `supertokens()` of pawl/supertokens returns'
  return {
    takes,
    check(option, value) {
      const given = value as Partial<Protocol> | null
      return typeof given === 'object' && typeof given?.open === 'function' && typeof given.name === 'string'
        ? given
        : check.fail(option, value, takes)
    },
  }
}

/** Translates an answer of Pawl's own to a request, if that speaks another protocol. */
export function translated(
  { conversation }: { readonly conversation: Conversation | null },
  reply: Reply,
  rejection?: CsrfRejectedError,
): Reply {
  return conversation === null ? reply : conversation.reply(reply, rejection)
}
